import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogEvent } from '../../../../web/src/line/logEvents.ts';
import {
  type FoldChoices,
  foldAt,
  foldsOf,
  groupsAround,
  NO_CHOICES,
  positionOf,
  seqAtPosition,
} from '../../../../web/src/log/window/folds.ts';
import { gatherAfter, gatherBefore } from '../../../../web/src/log/window/gather.ts';
import type { LogSource } from '../../../../web/src/log/window/logSource.ts';
import type { LogGroup, Overview } from '../../../../web/src/log/window/overview.ts';

const AT = '2026-11-28T00:00:00.000Z';
const event = (__typename: 'GroupStarted' | 'GroupEnded', seq: number, name = ''): LogEvent => ({
  __typename,
  seq,
  attempt: 1,
  timestamp: AT,
  name,
});
const line = (seq: number, level: 'INFO' | 'ERROR'): LogEvent => ({
  __typename: 'LogLine',
  seq,
  attempt: 1,
  timestamp: AT,
  level,
  stream: 'STDOUT',
  message: `line ${seq}`,
  line: seq,
  logger: null,
  fields: null,
  truncated: false,
  exception: null,
});

/** A log and its groups, as the service keeps them. */
interface Log {
  readonly events: readonly LogEvent[];
  readonly overview: Overview;
}
type Step = 'start' | 'end' | 'line' | 'lines' | 'error';
const logOf = (steps: readonly Step[], status: Overview['status'] = 'COMPLETED'): Log => {
  const events: LogEvent[] = [];
  const groups: LogGroup[] = [];
  const open: number[] = [];
  const put = (next: (seq: number) => LogEvent): void => void events.push(next(events.length + 1));
  for (const step of steps) {
    if (step === 'line') put((seq) => line(seq, 'INFO'));
    if (step === 'lines') for (let i = 0; i < 400; i += 1) put((seq) => line(seq, 'INFO'));
    if (step === 'error') put((seq) => line(seq, 'ERROR'));
    if (step === 'start') {
      const seq = events.length + 1;
      put(() => event('GroupStarted', seq, `group ${seq}`));
      const parent = groups[open.at(-1) ?? -1]?.seq ?? null;
      const none = { endSeq: null, durationMs: null, lines: 0, errors: 0, warnings: 0 };
      groups.push({ seq, parent, depth: open.length + 1, name: `group ${seq}`, attempt: 1, startedAt: AT, ...none });
      open.push(groups.length - 1);
    }
    const at = step === 'end' ? open.pop() : undefined;
    const group = groups[at ?? -1];
    if (at === undefined || group === undefined) continue;
    put((seq) => event('GroupEnded', seq));
    const inside = events.filter(({ seq }) => seq > group.seq);
    const errors = inside.filter((one) => one.__typename === 'LogLine' && one.level === 'ERROR').length;
    groups[at] = { ...group, endSeq: events.length, durationMs: 1, errors };
  }
  const stats = {
    lastSeq: events.length,
    lines: events.length,
    bytes: 0,
    textLines: 0,
    levels: [],
    firstError: null,
    lastError: null,
    firstAt: null,
    lastAt: null,
    missing: [],
    groups: groups.length,
    indexed: true,
  };
  return { events, overview: { status, attempt: 1, stats, groups, buckets: [] } };
};

/** Pages of the events, as the service gives them. It counts what is read. */
const sourceOf = (events: readonly LogEvent[]): LogSource & { readonly read: () => number } => {
  let pages = 0;
  return {
    read: () => pages,
    page: async ({ first, after = 0, last, before = events.length + 1 }) => {
      pages += 1;
      const all = events.slice(after, before - 1);
      const page = first === undefined ? all.slice(-(last ?? 0)) : all.slice(0, first);
      return {
        events: page,
        startSeq: page[0]?.seq ?? null,
        endSeq: page.at(-1)?.seq ?? null,
        hasPrevious: (page[0]?.seq ?? 1) > 1,
        hasNext: (page.at(-1)?.seq ?? after) < events.length,
        lastSeq: events.length,
      };
    },
    place: async () => null,
    overview: async () => expect.fail('not read here'),
    follow: () => () => undefined,
  };
};
const seqsOf = (rows: readonly LogEvent[]): readonly number[] => rows.map(({ seq }) => seq);

const steps = fc.array(fc.constantFrom<Step>('start', 'start', 'end', 'end', 'end', 'line', 'line', 'lines', 'error'), {
  maxLength: 60,
});

test('read from either end, page by page, a log has exactly the events that no folded group hides', () =>
  fc.assert(
    fc.asyncProperty(steps, fc.constantFrom<FoldChoices['others']>('rule', 'open', 'closed'), async (those, others) => {
      const { events, overview } = logOf(those);
      const folds = foldsOf(overview, { ...NO_CHOICES, others });
      const hides = ({ seq }: LogEvent) => folds.all.some((fold) => seq > fold.seq && seq < fold.endSeq);
      const shown = seqsOf(events.filter((one) => !hides(one)));
      // The end of a folded group has no row: it may be left out.
      const ends = new Set(folds.all.map(({ endSeq }) => endSeq));
      const withoutEnds = (seqs: readonly number[]) => seqs.filter((seq) => !ends.has(seq));
      const options = { source: sourceOf(events), filter: {}, folds, pageSize: 300 };

      const down: LogEvent[] = [];
      for (let at = 0, atEnd = false; !atEnd; ) {
        const part = await gatherAfter(options, at);
        down.push(...part.rows);
        ({ toSeq: at, atEnd } = part);
      }
      expect(withoutEnds(seqsOf(down))).toEqual(withoutEnds(shown));

      const up: LogEvent[] = [];
      for (let at = Number.POSITIVE_INFINITY, atStart = false; !atStart; ) {
        const part = await gatherBefore(options, at);
        up.unshift(...part.rows);
        ({ fromSeq: at, atStart } = part);
      }
      expect(withoutEnds(seqsOf(up))).toEqual(withoutEnds(shown));
    }),
    { numRuns: 60 },
  ));

test('places of the scroll bar: each event that is shown has its own, and leads back to it', () =>
  fc.assert(
    fc.property(steps, (those) => {
      const { events, overview } = logOf(those);
      const folds = foldsOf(overview, NO_CHOICES);
      const shown = events.filter(({ seq }) => foldAt(folds, seq) === null);
      expect(shown.map(({ seq }) => positionOf(folds, seq))).toEqual(shown.map((_, index) => index + 1));
      expect(shown.map((_, index) => seqAtPosition(folds, index + 1))).toEqual(seqsOf(shown));
    }),
  ));

test('groups without anything between them are shown without reading one of them', async () => {
  const groups = Array.from({ length: 150 }, () => ['start', 'lines', 'end'] as const).flat();
  const { events, overview } = logOf([...groups, 'line']);
  const source = sourceOf(events);
  const part = await gatherBefore(
    { source, filter: {}, folds: foldsOf(overview, NO_CHOICES), pageSize: 300 },
    events.length - 1,
  );
  expect(part.rows.every(({ __typename }) => __typename === 'GroupStarted')).toBe(true);
  expect(part.rows.length).toBeGreaterThanOrEqual(40);
  expect(source.read()).toBe(0);
});

test('a group that succeeded is folded; with an error, still open, or with a hole it is not, nor one in which the run failed', () => {
  const foldedIn = (those: readonly Step[], status: Overview['status'] = 'COMPLETED', part: Partial<Overview> = {}) =>
    foldsOf({ ...logOf(those, status).overview, ...part }, NO_CHOICES).all.map(({ seq }) => seq);
  const one: readonly Step[] = ['start', 'line', 'end', 'lines'];
  expect(foldedIn(one)).toEqual([1]);
  expect(foldedIn(['start', 'error', 'end', 'lines'])).toEqual([]);
  expect(foldedIn(['start', 'line'])).toEqual([]);
  // The group around the error is open, the other one in it is not.
  expect(foldedIn(['start', 'start', 'line', 'end', 'start', 'error', 'end', 'end'])).toEqual([2]);
  expect(foldedIn(['start', 'line', 'end', 'start', 'line', 'end'], 'FAILED')).toEqual([1]);
  expect(foldedIn(['start', 'line', 'end', 'start', 'start', 'line', 'end', 'end'], 'FAILED')).toEqual([1]);
  expect(foldedIn(['start', 'line', 'end', 'start', 'line', 'end'], 'COMPLETED')).toEqual([1, 4]);
  const { stats } = logOf(one).overview;
  const hole = { fromSeq: 2, seq: 2, lines: 1, reason: 'LOG_LIMIT' as const };
  expect(foldedIn(one, 'COMPLETED', { stats: { ...stats, missing: [hole] } })).toEqual([]);
});

test('the groups around an event are those that began before it and have not ended, outermost first', () => {
  const { overview } = logOf(['start', 'line', 'start', 'line', 'end', 'line', 'end', 'start', 'line']);
  const around = (seq: number) => groupsAround(overview, seq).map((group) => group.seq);
  expect([around(1), around(2), around(4), around(6), around(9)]).toEqual([[], [1], [1, 3], [1], [8]]);
});
