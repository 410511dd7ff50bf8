/** What a search of a log looks for (schema/schema.graphql, LogQuery). Pure. */
import { type InputProblem, inputProblem } from './errors.ts';
import { filterProblems, type LogFilterInput } from './filter.ts';
import { LIMITS } from './limits.ts';

/** As the API takes it. Null, an empty list and an empty string mean the same as a missing member. */
export interface LogQuery
  extends Pick<LogFilterInput, 'levels' | 'minLevel' | 'streams' | 'logger' | 'attempt' | 'exclude'> {
  readonly text?: string | null | undefined;
  /** `text` is a regular expression (RE2). Default: false. */
  readonly regex?: boolean | null | undefined;
  /** Default: false. */
  readonly caseSensitive?: boolean | null | undefined;
}

/** What is wrong with the query, without its regular expression: as filterProblems, and a text over LIMITS.containsBytes. */
export const queryProblems = (query: LogQuery, path: string): readonly InputProblem[] => {
  const { text, regex: _, caseSensitive: __, ...filter } = query;
  const problems = filterProblems(filter, path);
  if (text == null || Buffer.byteLength(text) <= LIMITS.containsBytes) return problems;
  return [inputProblem(`${path}.text`, `Too long: at most ${LIMITS.containsBytes} bytes.`), ...problems];
};
