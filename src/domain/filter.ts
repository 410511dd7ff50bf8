/** Which events a viewer wants (schema/schema.graphql, LogFilter). Pure. Built once, then called once per event. */
import { type InputProblem, inputProblem, throwProblems } from './errors.ts';
import { EVENT_KINDS, type EventKind, LOG_LEVELS, type LogLevel, type LogStream, type RunEvent } from './events.ts';
import { LIMITS } from './limits.ts';
import { hasEscape, withoutAnsi } from './text/ansi.ts';
import { foldCase } from './text/caseFold.ts';
import { textFinder } from './text/textSearch.ts';

/** As the API takes it. Null, an empty list and an empty string mean the same as a missing member. */
export interface LogFilterInput {
  readonly minLevel?: LogLevel | null | undefined;
  readonly levels?: readonly LogLevel[] | null | undefined;
  readonly streams?: readonly LogStream[] | null | undefined;
  readonly logger?: string | null | undefined;
  readonly contains?: string | null | undefined;
  readonly exclude?: string | null | undefined;
  readonly attempt?: number | null | undefined;
  readonly types?: readonly string[] | null | undefined;
}

/** Null instead of a filter means that every event passes. */
export interface LogFilter {
  /** Whether the event is delivered. */
  passes(event: RunEvent): boolean;
  /** Whether the event matches. LinesDropped and RunFinished can pass without matching; `tail` does not count those. */
  selects(event: RunEvent): boolean;
}

type Line = Extract<RunEvent, { kind: 'LogLine' }>;
type Test = (line: Line) => boolean;

/** Whether the filter reads messages. If not, lines that differ only in their messages all pass, or none does. */
export const readsMessages = (input: LogFilterInput | null | undefined): boolean =>
  Boolean(input?.contains || input?.exclude);

const isEventKind = (name: string): name is EventKind => (EVENT_KINDS as readonly string[]).includes(name);

/**
 * The filter as functions, or null if it removes nothing. A condition on lines without types selects only LogLine; then
 * RunFinished passes too, as the end. LinesDropped always passes.
 * @param path of the filter among the arguments, such as "filter"
 * @throws BadUserInput; see filterProblems
 */
export const logFilter = (input: LogFilterInput | null | undefined, path: string): LogFilter | null => {
  throwProblems(filterProblems(input, path));
  const { attempt, types } = input ?? {};
  const tests = lineTests(input ?? {});
  const wanted = types?.length ? new Set<string>(types) : null;
  if (wanted === null && tests.length === 0 && attempt == null) return null;

  const selects = (event: RunEvent): boolean => {
    if (attempt != null && event.attempt !== attempt) return false;
    if (wanted !== null && !wanted.has(event.kind)) return false;
    if (event.kind === 'LogLine') return tests.every((test) => test(event));
    return wanted !== null || tests.length === 0;
  };
  const passesEnd = wanted === null && tests.length > 0;
  const passes = (event: RunEvent): boolean =>
    event.kind === 'LinesDropped' || (passesEnd && event.kind === 'RunFinished') || selects(event);
  return { passes, selects };
};

/**
 * What is wrong with the filter: an unknown event type, an attempt below 1, a string over LIMITS.containsBytes, a list
 * over LIMITS.filterEntries.
 */
export const filterProblems = (input: LogFilterInput | null | undefined, path: string): readonly InputProblem[] => {
  const { contains, exclude, logger, attempt, types, levels, streams } = input ?? {};
  for (const [name, list] of Object.entries({ types, levels, streams })) {
    if (list && list.length > LIMITS.filterEntries) {
      return [inputProblem(`${path}.${name}`, `Too many entries: at most ${LIMITS.filterEntries}.`)];
    }
  }
  const problems: InputProblem[] = [];
  types?.forEach((name, index) => {
    if (!isEventKind(name)) problems.push(inputProblem(`${path}.types.${index}`, `Unknown event type. ${KINDS}`));
  });
  if (attempt != null && attempt < 1) problems.push(inputProblem(`${path}.attempt`, 'Must be 1 or more.'));
  for (const [name, text] of Object.entries({ contains, exclude, logger })) {
    if (text != null && Buffer.byteLength(text) > LIMITS.containsBytes) {
      problems.push(inputProblem(`${path}.${name}`, `Too long: at most ${LIMITS.containsBytes} bytes.`));
    }
  }
  return problems.slice(0, LIMITS.inputProblems);
};

const KINDS = `Use one of ${EVENT_KINDS.join(', ')}.`;

/** The conditions on a line, the cheapest first. */
const lineTests = (input: LogFilterInput): readonly Test[] => {
  const { minLevel, levels, streams, logger, contains, exclude } = input;
  const tests: Test[] = [];
  if (minLevel) {
    const lowest = LOG_LEVELS.indexOf(minLevel);
    tests.push(({ level }) => LOG_LEVELS.indexOf(level) >= lowest);
  }
  if (levels?.length) {
    const wanted = new Set(levels);
    tests.push(({ level }) => wanted.has(level));
  }
  if (streams?.length) {
    const wanted = new Set(streams);
    tests.push(({ stream }) => wanted.has(stream));
  }
  if (logger) tests.push((line) => line.logger === logger);
  if (contains) tests.push(holds(contains));
  if (exclude) {
    const isExcluded = holds(exclude);
    tests.push((line) => !isExcluded(line));
  }
  return tests;
};

/** Ignores case (foldCase), and escape sequences unless the searched text has one. */
const holds = (text: string): Test => {
  const isIn = textFinder(foldCase(text));
  const shown = hasEscape(text) ? (message: string) => message : withoutAnsi;
  return ({ message }) => isIn(foldCase(shown(message)));
};
