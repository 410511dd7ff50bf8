/** Which rows are shown: groups and stack traces fold. Pure. */
import type { LogEvent } from './logEvents.ts';

export type DisplayRow =
  | { readonly kind: 'event'; readonly event: LogEvent; readonly depth: number; readonly previous: LogEvent | null }
  /** Lines of a stack trace that are folded, or can be. */
  | { readonly kind: 'stack'; readonly seq: number; readonly count: number; readonly open: boolean };

export interface Folds {
  /** Seqs of the GroupStarted events whose groups are folded. */
  readonly groups: ReadonlySet<number>;
  /** Seqs of the first lines of stack traces that are unfolded. */
  readonly stacks: ReadonlySet<number>;
}

/** A line of a stack trace below its first: JavaScript, Java, .NET, Python, Go, Ruby. */
const FRAME = /^\s+(?:at\s|File "|from\s.+:\d|\.\.\. \d+ (?:more|common))|^\t\S+\.go:\d+|^\s{4,}(?:\S.*)?$/;
const SHORTEST_STACK = 3;

const isFrame = (event: LogEvent | undefined): boolean => event?.__typename === 'LogLine' && FRAME.test(event.message);

/** How many frames follow from `at` on. The first must look like one by more than its indentation. */
const stackLength = (events: readonly LogEvent[], at: number): number => {
  const first = events[at];
  if (first?.__typename !== 'LogLine' || !/^\s+(?:at\s|File "|from\s)|^\t\S+\.go:\d+/.test(first.message)) return 0;
  let end = at;
  while (isFrame(events[end])) end += 1;
  return end - at;
};

/** Index after the end of the group that starts at `at`; the length where it is not ended in these events. */
export const groupEnd = (events: readonly LogEvent[], at: number): number => {
  let depth = 0;
  for (let index = at; index < events.length; index += 1) {
    const type = events[index]?.__typename;
    if (type === 'GroupStarted') depth += 1;
    if (type === 'GroupEnded') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return events.length;
};

export const displayRows = (events: readonly LogEvent[], { groups, stacks }: Folds): readonly DisplayRow[] => {
  const rows: DisplayRow[] = [];
  let depth = 0;
  let previous: LogEvent | null = null;
  for (let at = 0; at < events.length; at += 1) {
    const event = events[at];
    if (event === undefined || event.__typename === 'ProgressUpdated') continue;
    if (event.__typename === 'GroupEnded') {
      depth = Math.max(0, depth - 1);
      continue;
    }
    const length = stackLength(events, at);
    const isStack = length >= SHORTEST_STACK;
    if (isStack) rows.push({ kind: 'stack', seq: event.seq, count: length, open: stacks.has(event.seq) });
    if (isStack && !stacks.has(event.seq)) {
      at += length - 1;
      continue;
    }
    if (isStack) {
      for (const frame of events.slice(at, at + length)) rows.push({ kind: 'event', event: frame, depth, previous });
      at += length - 1;
      continue;
    }
    rows.push({ kind: 'event', event, depth, previous });
    previous = event;
    if (event.__typename !== 'GroupStarted') continue;
    if (groups.has(event.seq)) at = groupEnd(events, at) - 1;
    else depth += 1;
  }
  return rows;
};

/** What a group held, as far as its events are loaded. */
export interface GroupSummary {
  readonly durationMs: number | null;
  readonly worst: 'ERROR' | 'WARNING' | null;
}
export const groupSummary = (events: readonly LogEvent[], at: number): GroupSummary => {
  const end = groupEnd(events, at);
  const inside = events.slice(at, end);
  const last = inside.at(-1);
  const levels = inside.map((event) => (event.__typename === 'LogLine' ? event.level : null));
  const worst = levels.some((level) => level === 'ERROR' || level === 'CRITICAL')
    ? 'ERROR'
    : levels.includes('WARNING')
      ? 'WARNING'
      : null;
  const started = events[at];
  const ended = last?.__typename === 'GroupEnded' && started !== undefined;
  return { durationMs: ended ? Date.parse(last.timestamp) - Date.parse(started.timestamp) : null, worst };
};
