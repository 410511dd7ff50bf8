/** Writers of JSON for values of one type of the schema. Texts are byte strings: one character for each byte of UTF-8. */
import { GraphQLBoolean, GraphQLID, GraphQLInt, type GraphQLLeafType, GraphQLString, isEnumType } from 'graphql';
import type { LinesSource } from './eventSource.ts';
import type { LinesText } from './linesText.ts';

/** Thrown for an operation or a value that graphql-js has to execute. No client sees it. */
export class NotCompiled extends Error {
  override readonly name = 'NotCompiled';
}

export const notCompiled = (): never => {
  throw new NotCompiled();
};

/** JSON of a value. @throws NotCompiled */
export type Write = (value: unknown) => string;
/** JSON of plain lines, with a separator between two. */
export type WriteLines = (source: LinesSource, separator: string) => LinesText;

/** A field of an object. */
export interface Field {
  /** Its name in the schema. */
  readonly name: string;
  /** What stands before its value: a brace or a comma, and its name in the response. */
  readonly before: string;
  readonly write: Write;
  /** If its value is an event, and so can be lines; otherwise null. */
  readonly writeLines: WriteLines | null;
}

export const object = (fields: readonly Field[]): Write => {
  if (fields.length === 0) return constant('{}');
  return (source) => {
    let text = '';
    for (const { before, write } of fields) text += before + write(source);
    return `${text}}`;
  };
};

export const constant =
  (text: string): Write =>
  () =>
    text;

export const leaf = (type: GraphQLLeafType): Write => {
  if (isEnumType(type)) {
    const texts = new Map<unknown, string>(type.getValues().map(({ name, value }) => [value, JSON.stringify(name)]));
    return (value) => texts.get(value) ?? notCompiled();
  }
  if (type === GraphQLString || type === GraphQLID) {
    return (value) => (typeof value === 'string' ? byteString(JSON.stringify(value)) : notCompiled());
  }
  if (type === GraphQLInt) {
    return (value) => (typeof value === 'number' && (value | 0) === value ? String(value) : notCompiled());
  }
  if (type === GraphQLBoolean) return (value) => (typeof value === 'boolean' ? String(value) : notCompiled());
  // Events of one batch often have the same timestamp.
  let last: unknown = Symbol('none');
  let lastText = '';
  return (value) => {
    if (value === last && typeof value !== 'object') return lastText;
    const text: string | undefined = JSON.stringify(type.coerceOutputValue(value));
    if (text === undefined) return notCompiled();
    last = value;
    lastText = byteString(text);
    return lastText;
  };
};

/** One character for each byte of the text's UTF-8. Pure ASCII is that already. */
const byteString = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
