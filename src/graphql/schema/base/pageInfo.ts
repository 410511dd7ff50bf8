/** PageInfo, and the cursors of Relay connections: a cursor is the id of an item. */
import { type InputProblem, inputProblem } from '../../../domain/errors.ts';
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { builder } from './builder.ts';

/** Where a page is in its list. */
export interface PagePlace {
  /** Cursors for the pages before and after; null if nothing was looked at. */
  readonly start: string | null;
  readonly end: string | null;
  hasNext(): Promise<boolean>;
  hasPrevious(): Promise<boolean>;
}

export const PageInfo = builder.objectRef<PagePlace>('PageInfo').implement({
  description: 'Where a page is in the list.',
  fields: (t) => ({
    hasNextPage: t.boolean({
      resolve: (page) => page.hasNext(),
      description: `True if there are older items than those of this page. True too if the page is short, or even empty, because its
filter matches few runs and ${LIMITS.pageRuns} runs were looked at: continue from endCursor.`,
    }),
    hasPreviousPage: t.boolean({
      resolve: (page) => page.hasPrevious(),
      description:
        'True if there are newer items than those of this page. As with hasNextPage, continue from startCursor.',
    }),
    startCursor: t.string({
      nullable: true,
      resolve: (page) => page.start,
      description: 'Pass it as before to read newer items. Null if nothing was looked at.',
    }),
    endCursor: t.string({
      nullable: true,
      resolve: (page) => page.end,
      description: 'Pass it as after to read older items. Null if nothing was looked at.',
    }),
  }),
});

/** An empty cursor means no cursor: Relay clients send it for the first page. */
export const cursorOf = (cursor: string | null | undefined): RunId | null => (cursor ? parseRunId(cursor) : null);

export const cursorProblems = (argument: string, cursor: string | null | undefined): readonly InputProblem[] =>
  cursor && parseRunId(cursor) === null
    ? [inputProblem(argument, 'The cursor is not valid. Use a cursor that an edge or PageInfo returned.')]
    : [];
