/** Events of a log as the viewer reads them. */
import type { LogFilter, LogPageQuery } from '../../../schema/generated/graphql.ts';

export type LogPageOf = NonNullable<NonNullable<NonNullable<LogPageQuery['run']>['logs']>>;
export type LogEvent = LogPageOf['events'][number];
export type LogLine = Extract<LogEvent, { readonly __typename: 'LogLine' }>;
export type { LogFilter };

/** The first seq that an event stands for. */
export const firstSeq = (event: LogEvent): number => (event.__typename === 'LinesDropped' ? event.fromSeq : event.seq);

/** The number in log.txt, for people and links; null for what is no line of it. */
export const lineNumber = (event: LogEvent): number | null => (event.__typename === 'LogLine' ? event.line : null);

export const isError = (event: LogEvent): boolean =>
  event.__typename === 'LogLine' && (event.level === 'ERROR' || event.level === 'CRITICAL');

/** Joins two parts of a log; a hole that was cut at the join becomes one hole again. */
export const joined = (before: readonly LogEvent[], after: readonly LogEvent[]): readonly LogEvent[] => {
  const [left, right] = [before.at(-1), after[0]];
  if (left?.__typename !== 'LinesDropped' || right?.__typename !== 'LinesDropped' || left.seq + 1 !== right.fromSeq) {
    return [...before, ...after];
  }
  const hole = {
    ...right,
    fromSeq: left.fromSeq,
    count: right.seq - left.fromSeq + 1,
    droppedLines: null,
    droppedBytes: null,
  };
  return [...before.slice(0, -1), hole, ...after.slice(1)];
};
