/** Which rows are shown: groups and stack traces fold. Pure. */
import type { LogEvent } from './logEvents.ts';

export type DisplayRow =
  | { readonly kind: 'event'; readonly event: LogEvent; readonly depth: number; readonly previous: LogEvent | null }
  /** Lines of a stack trace that are folded, or can be. */
  | { readonly kind: 'stack'; readonly seq: number; readonly count: number; readonly open: boolean };

export interface RowFolds {
  /** Depth of the first event: how many groups are around it. */
  readonly depth: number;
  /** Whether a group is folded, by the seq of its GroupStarted. Its events are not among the rows then. */
  readonly isFolded: (seq: number) => boolean;
  /** Seqs of the first lines of the stack traces whose fold the reader has changed. */
  readonly stacks: ReadonlySet<number>;
  /** An event that must be seen: a stack trace with it is unfolded. 0: none. */
  readonly marked: number;
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

export const displayRows = (events: readonly LogEvent[], folds: RowFolds): readonly DisplayRow[] => {
  const { isFolded, stacks, marked } = folds;
  const rows: DisplayRow[] = [];
  let { depth } = folds;
  let previous: LogEvent | null = null;
  for (let at = 0; at < events.length; at += 1) {
    const event = events[at];
    if (event === undefined || event.__typename === 'ProgressUpdated') continue;
    if (event.__typename === 'GroupEnded') {
      depth = Math.max(0, depth - 1);
      continue;
    }
    const count = stackLength(events, at);
    if (count >= SHORTEST_STACK) {
      const { seq } = event;
      const frames = events.slice(at, at + count);
      const open = stacks.has(seq) !== (marked >= seq && marked <= (frames.at(-1)?.seq ?? seq));
      rows.push({ kind: 'stack', seq, count, open });
      if (open) for (const frame of frames) rows.push({ kind: 'event', event: frame, depth, previous });
      at += count - 1;
      continue;
    }
    rows.push({ kind: 'event', event, depth, previous });
    previous = event;
    if (event.__typename === 'GroupStarted' && !isFolded(event.seq)) depth += 1;
  }
  return rows;
};
