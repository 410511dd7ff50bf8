/** The parameters of a download. All problems are reported together. Pure. */
import { BadUserInput, type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { EVENT_KINDS, LOG_LEVELS, LOG_STREAMS, type Seq } from '../../../domain/events.ts';
import type { LogFilterInput } from '../../../domain/filter.ts';
import { LIMITS } from '../../../domain/limits.ts';

/** The largest seq. */
const MAX_SEQ = 2 ** 31 - 1;

/** The value of a parameter, or what is wrong with it. */
type Reading<Value> = { readonly value: Value } | { readonly problem: string };
type Reader<Value> = (text: string) => Reading<Value>;

const wholeNumber =
  (least: number): Reader<number> =>
  (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= MAX_SEQ) return { value };
    return { problem: `Must be one whole number from ${least} to ${MAX_SEQ}.` };
  };

const oneOf =
  <Name extends string>(names: readonly Name[]): Reader<Name> =>
  (text) => {
    const value = names.find((name) => name === text);
    return value === undefined ? { problem: `Must be one of ${names.join(', ')}.` } : { value };
  };

/** Names with commas between them. */
const listOf =
  <Name extends string>(names: readonly Name[]): Reader<readonly Name[]> =>
  (text) => {
    const given = text === '' ? [] : text.split(',');
    if (given.length > LIMITS.filterEntries) return { problem: `Too many entries: at most ${LIMITS.filterEntries}.` };
    const value = names.filter((name) => given.includes(name));
    if (given.every((one) => value.some((name) => name === one))) return { value };
    return { problem: `Must be a list of ${names.join(', ')}, with commas between them.` };
  };

const text: Reader<string> = (value) =>
  Buffer.byteLength(value) > LIMITS.containsBytes
    ? { problem: `Too long: at most ${LIMITS.containsBytes} bytes.` }
    : { value };

const flag: Reader<boolean> = (value) =>
  value === '1' || value === '0' ? { value: value === '1' } : { problem: 'Must be 1 or 0.' };

/** Any text: what it means is decided elsewhere. */
const opaque: Reader<string> = (value) => ({ value });

const READERS = {
  after: wholeNumber(0),
  before: wholeNumber(1),
  tail: wholeNumber(0),
  attempt: wholeNumber(1),
  minLevel: oneOf(LOG_LEVELS),
  levels: listOf(LOG_LEVELS),
  streams: listOf(LOG_STREAMS),
  types: listOf(EVENT_KINDS),
  logger: text,
  contains: text,
  exclude: text,
  ansi: oneOf(['keep', 'strip']),
  timestamps: flag,
  download: flag,
  ticket: opaque,
} as const;
type Name = keyof typeof READERS;
type ValueOf<R> = R extends Reader<infer Value> ? Value : never;
type Values = { readonly [N in Name]?: ValueOf<(typeof READERS)[N]> };

const NAMES = Object.keys(READERS) as readonly Name[];
const isName = (name: string): name is Name => Object.hasOwn(READERS, name);

/** What a client asks for. */
export interface DownloadRequest {
  /** Null: from the beginning, or from `tail` on. */
  readonly after: Seq | null;
  readonly before: Seq | null;
  readonly tail: number | null;
  /** Null: every event. */
  readonly filter: LogFilterInput | null;
  readonly stripsAnsi: boolean;
  readonly hasTimestamps: boolean;
  readonly isAttachment: boolean;
}

/** Whether the response is the whole log as it is stored. */
export const isWhole = ({ after, before, tail, filter, stripsAnsi, hasTimestamps }: DownloadRequest): boolean =>
  after === null && before === null && tail === null && filter === null && !stripsAnsi && !hasTimestamps;

/** @throws BadUserInput with every problem */
export const readParameters = ({ searchParams }: URL): DownloadRequest => {
  const values: Record<string, unknown> = {};
  const problems: InputProblem[] = unknownParameters([...new Set(searchParams.keys())]);
  for (const name of NAMES) {
    const given = searchParams.getAll(name);
    const [only] = given;
    if (only === undefined) continue;
    const reading = given.length > 1 ? { problem: 'Given more than once. Give it once.' } : READERS[name](only);
    if ('problem' in reading) problems.push(inputProblem(name, reading.problem));
    else values[name] = reading.value;
  }
  throwProblems(problems);
  return requestOf(values as Values);
};

const requestOf = (values: Values): DownloadRequest => {
  const { after, before, tail, ansi, timestamps, download, ticket: _, ...filter } = values;
  return {
    after: after ?? null,
    before: before ?? null,
    tail: tail ?? null,
    filter: Object.keys(filter).length === 0 ? null : filter,
    stripsAnsi: ansi === 'strip',
    hasTimestamps: timestamps ?? false,
    isAttachment: download ?? false,
  };
};

/** How many unknown parameters the error names, and how many characters of each. */
const NAMED = 5;
const NAMED_CHARACTERS = 50;

/** One problem for all unknown parameters; its argument is the first of them. */
const unknownParameters = (given: readonly string[]): InputProblem[] => {
  const unknown = given.filter((name) => !isName(name));
  const names = unknown.slice(0, NAMED).map((name) => name.slice(0, NAMED_CHARACTERS));
  const [argument] = names;
  if (argument === undefined) return [];
  const list = names.map((name) => JSON.stringify(name)).join(', ');
  const more = unknown.length > NAMED ? ' and more' : '';
  const message = `Unknown parameter: ${list}${more}. Use ${NAMES.join(', ')}.`;
  return [{ argument, message }];
};

/** `after` beyond the end of a finished run. */
export const afterTheEnd = (end: Seq): BadUserInput =>
  new BadUserInput('after', `The run has ended and its last seq is ${end}. Use an after of at most ${end}.`);
