import { expect, test } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import { logFilter } from '../../src/domain/filter.ts';
import { newRunId } from '../../src/domain/ids.ts';
import { sourcesOf } from '../../src/graphql/eventSource.ts';
import { BatchSource, type EventBatch, SingleSource } from '../../src/graphql/logSources.ts';
import { PullIterator } from '../../src/graphql/pullIterator.ts';
import type { LogEntry, LogViewer, Pull } from '../../src/log/viewer.ts';

const runId = newRunId();
const never = new AbortController().signal;
const event = (seq: number, message = `m${seq}`): RunEvent => ({
  kind: 'LogLine',
  seq,
  attempt: 1,
  timestamp: 0,
  level: 'INFO',
  stream: 'STDOUT',
  message,
});
const entry = (from: number, to: number, message?: string): LogEntry => {
  const events = Array.from({ length: to - from + 1 }, (_, i) => event(from + i, message));
  return { firstSeq: from, lastSeq: to, size: 1, events: () => events };
};
/** A viewer of what is given; it then waits until its signal, or is at its end. */
const viewerOf = (
  pulls: readonly Pull[],
  state = { closed: 0 },
): LogViewer & { readonly state: { closed: number } } => {
  const left = [...pulls];
  return {
    state,
    pull: async (signal) => {
      const next = left.shift();
      if (next !== undefined) return next;
      if (pulls.at(-1)?.ended) return null;
      return await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    close: () => {
      state.closed += 1;
    },
  };
};
const pull = (entries: LogEntry[], more: Partial<Pull> = {}): Pull => ({
  entries,
  after: (entries[0]?.firstSeq ?? 1) - 1,
  lastSeq: entries.at(-1)?.lastSeq ?? 0,
  caughtUp: true,
  ended: false,
  ...more,
});
const all = async (source: BatchSource) => {
  const batches: EventBatch[] = [];
  for (let batch = await source.next(never); batch !== null; batch = await source.next(never)) batches.push(batch);
  return batches.map(({ events, lastSeq, caughtUp }) => ({
    seqs: events.map((one) => one.event.seq),
    lastSeq,
    caughtUp,
  }));
};
const source = (pulls: Pull[], more: Partial<ConstructorParameters<typeof BatchSource>[0]> = {}) =>
  new BatchSource({ runId, viewer: viewerOf(pulls), filter: null, maxBatch: 500, ...more });

test('entries of one pull become one batch, cut at maxBatch, and only its last part is caught up', async () => {
  expect(await all(source([pull([entry(1, 3), entry(4, 5)], { ended: true })], { maxBatch: 2 }))).toEqual([
    { seqs: [1, 2], lastSeq: 2, caughtUp: false },
    { seqs: [3, 4], lastSeq: 4, caughtUp: false },
    { seqs: [5], lastSeq: 5, caughtUp: true },
  ]);
});

test('an entry that began before the position is cut there', async () => {
  expect(await all(source([pull([entry(1, 5)], { after: 3, ended: true })]))).toEqual([
    { seqs: [4, 5], lastSeq: 5, caughtUp: true },
  ]);
});

test('a batch is about 1 MiB at most, and one event that is larger goes alone', async () => {
  const batches = await all(
    source([pull([entry(1, 40, 'x'.repeat(65_000)), entry(41, 41, 'x'.repeat(2_000_000))], { ended: true })]),
  );
  expect(batches.map(({ seqs }) => seqs.length)).toEqual([16, 16, 8, 1]);
  expect(batches.flatMap(({ seqs }) => seqs)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1));
});

test('what a filter took out moves the position', async () => {
  const filter = logFilter({ contains: 'm7' }, 'filter');
  expect(await all(source([pull([entry(1, 5)]), pull([entry(6, 9)], { ended: true })], { filter }))).toEqual([
    { seqs: [], lastSeq: 5, caughtUp: true },
    { seqs: [7], lastSeq: 9, caughtUp: true },
  ]);
});

test('the first batch may be empty, and a viewer that is at the end at once gives none', async () => {
  expect(await all(source([pull([], { after: 4, lastSeq: 4 }), pull([entry(5, 5)], { ended: true })]))).toEqual([
    { seqs: [], lastSeq: 4, caughtUp: true },
    { seqs: [5], lastSeq: 5, caughtUp: true },
  ]);
  const ended: LogViewer = { pull: () => Promise.resolve(null), close: () => undefined };
  expect(await all(source([], { viewer: ended }))).toEqual([]);
});

test('event by event ends with the run, also where a filter takes the end out', async () => {
  const filter = logFilter({ types: ['GroupStarted'] }, 'filter');
  const single = new SingleSource(source([pull([entry(1, 5)], { ended: true })], { filter }));
  expect(await single.next(never)).toBeNull();
});

test('viewers of one entry share its events', () => {
  const one = entry(1, 3);
  expect(sourcesOf(runId, one)).toBe(sourcesOf(runId, one));
});

test('return() ends a pull that waits, and closes the viewer once', async () => {
  const state = { closed: 0 };
  const iterator = new PullIterator(new BatchSource({ runId, viewer: viewerOf([], state), filter: null, maxBatch: 1 }));
  const waiting = iterator.next();
  expect(await iterator.return()).toEqual({ done: true, value: undefined });
  expect(state.closed).toBe(1);
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  await iterator.return();
  expect(state.closed).toBe(1);
});

test('the natural end and an error close the viewer too', async () => {
  const ended = { closed: 0 };
  const whole = new PullIterator(
    new BatchSource({
      runId,
      viewer: viewerOf([pull([entry(1, 1)], { ended: true })], ended),
      filter: null,
      maxBatch: 1,
    }),
  );
  for await (const batch of whole) expect(batch.lastSeq).toBe(1);
  expect(ended.closed).toBe(1);
  const failed = { closed: 0 };
  const viewer = { ...viewerOf([], failed), pull: () => Promise.reject(new Error('gone')) };
  const broken = new PullIterator(new BatchSource({ runId, viewer, filter: null, maxBatch: 1 }));
  await expect(broken.next()).rejects.toThrow('gone');
  expect(failed.closed).toBe(1);
  expect(await broken.next()).toEqual({ done: true, value: undefined });
});
