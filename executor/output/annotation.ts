import { ANNOTATION_KINDS, type Annotation } from '../../src/domain/events.ts';
import type { Masks } from './masking/masks.ts';
import type { WorkflowCommand } from './workflowCommand.ts';

const NUMBER = /^\d{1,9}$/;

/**
 * The annotation of a line such as `::error file=a.js,line=3,endLine=4,col=5,endColumn=6,title=Lint::text`, as GitHub
 * Actions reads it. `text` masks and cuts. A number that is not one, or that shows a secret, is left out. Null if the
 * command is none of these.
 */
export const annotationOf = (
  { name, properties }: Pick<WorkflowCommand, 'name' | 'properties'>,
  masks: Pick<Masks, 'hidesNumber'>,
  text: (printed: string) => string,
): Annotation | null => {
  const kind = ANNOTATION_KINDS.find((one) => one.toLowerCase() === name);
  if (kind === undefined) return null;
  const textOf = (property: string) => {
    const printed = properties.get(property);
    return printed === undefined ? undefined : text(printed);
  };
  const numberOf = (...names: readonly string[]) => {
    const printed = names.map((property) => properties.get(property)?.trim()).find((value) => value !== undefined);
    if (printed === undefined || !NUMBER.test(printed) || masks.hidesNumber(printed, Number(printed))) return undefined;
    return Number(printed);
  };
  return defined({
    kind,
    title: textOf('title'),
    file: textOf('file'),
    line: numberOf('line'),
    endLine: numberOf('endline'),
    column: numberOf('col', 'column'),
    endColumn: numberOf('endcolumn', 'endcol'),
  });
};

/** The object without its undefined members. */
const defined = (given: { readonly [Name in keyof Annotation]: Annotation[Name] | undefined }): Annotation =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as Annotation;
