import { expect, test } from 'vitest';
import { PullIterator } from '../../../src/async/pullIterator.ts';
import { LATER } from '../../../src/async/source.ts';
import { sourcesOf } from '../../../src/delivery/eventSource.ts';
import { type LogPiece, PieceSource } from '../../../src/delivery/pieces.ts';
import type { RunEvent } from '../../../src/domain/events.ts';
import { type LogFilterInput, logFilter, readsMessages } from '../../../src/domain/filter.ts';
import { newRunId } from '../../../src/domain/ids.ts';
import type { LogEntry, LogViewer, Pull } from '../../../src/log/viewer.ts';
import { nextOf, pulling } from '../../support/source.ts';

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
  return {
    firstSeq: from,
    lastSeq: to,
    size: events.length * (message?.length ?? 5),
    isHole: false,
    events: () => events,
    parts: () => events,
  };
};
/** A viewer that returns the given pulls. After them it has ended, or waits until its signal aborts. */
const viewerOf = (
  pulls: readonly Pull[],
  state = { closed: 0 },
): LogViewer & { readonly state: { closed: number } } => {
  const left = [...pulls];
  return {
    state,
    take: () => left.shift() ?? (pulls.at(-1)?.ended ? null : LATER),
    more: (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
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
const all = async (source: PieceSource) => {
  const pieces: LogPiece[] = [];
  for (let piece = await nextOf(source, never); piece !== null; piece = await nextOf(source, never)) pieces.push(piece);
  // The other pieces are not sent (executeOperations.ts).
  const told = pieces.filter((piece) => piece.tellsPosition || piece.events().length > 0);
  return told.map((piece) => ({
    seqs: piece.events().map((one) => one.event.seq),
    lastSeq: piece.lastSeq,
    caughtUp: piece.caughtUp,
  }));
};
const named = (input: LogFilterInput) => ({
  ...(logFilter(input, 'filter') ?? { passes: () => true, selects: () => true }),
  name: 'filter',
  readsMessages: readsMessages(input),
});
const source = (pulls: Pull[], more: Partial<ConstructorParameters<typeof PieceSource>[0]> = {}) =>
  new PieceSource({ runId, viewer: viewerOf(pulls), filter: null, maxBatch: 500, ...more });

test('whole entries of one pull are put together up to maxBatch, and only the last piece is caught up', async () => {
  const entries = [entry(1, 2), entry(3, 4), entry(5, 5)];
  expect(await all(source([pull(entries, { ended: true })], { maxBatch: 4 }))).toEqual([
    { seqs: [1, 2, 3, 4], lastSeq: 4, caughtUp: false },
    { seqs: [5], lastSeq: 5, caughtUp: true },
  ]);
});

test('a larger entry is cut at multiples of maxBatch from its start, wherever a viewer joins', async () => {
  const one = entry(11, 20);
  const cuts = async (after: number) =>
    (await all(source([pull([one], { after, ended: true })], { maxBatch: 4 }))).map(({ seqs }) => seqs);
  expect(await cuts(10)).toEqual([
    [11, 12, 13, 14],
    [15, 16, 17, 18],
    [19, 20],
  ]);
  expect(await cuts(12)).toEqual([
    [13, 14],
    [15, 16, 17, 18],
    [19, 20],
  ]);
  expect(await cuts(14)).toEqual([
    [15, 16, 17, 18],
    [19, 20],
  ]);
  expect(await cuts(19)).toEqual([[20]]);
});

test('pieces of two viewers have the same name if their content is the same, and different names if not', async () => {
  const entries = [entry(1, 3), entry(4, 9)];
  const names = async (more: Partial<Pull>, options = {}) => {
    const from = source([pull(entries, { ended: true, ...more })], { maxBatch: 3, ...options });
    const found: string[] = [];
    for (let piece = await nextOf(from, never); piece !== null; piece = await nextOf(from, never))
      found.push(piece.name);
    return found;
  };
  const [, ...early] = await names({ after: 0 });
  const [, ...late] = await names({ after: 1 });
  expect(late).toEqual(early);
  expect(
    new Set([...early, ...(await names({}, { filter: { passes: () => true, name: 'f', readsMessages: true } }))]).size,
  ).toBe(5);
});

test('an entry that begins before the position is cut at the position', async () => {
  expect(await all(source([pull([entry(1, 5)], { after: 3, ended: true })]))).toEqual([
    { seqs: [4, 5], lastSeq: 5, caughtUp: true },
  ]);
});

test('entries are put together up to about 1 MiB, and a larger one is sent alone', async () => {
  const entries = [...Array.from({ length: 5 }, (_, i) => entry(8 * i + 1, 8 * i + 8, 'x'.repeat(62_500)))];
  const pieces = await all(source([pull([...entries, entry(41, 41, 'x'.repeat(2_000_000))], { ended: true })]));
  expect(pieces.map(({ seqs }) => seqs.length)).toEqual([16, 16, 8, 1]);
  expect(pieces.flatMap(({ seqs }) => seqs)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1));
});

test('filtered events still move the position', async () => {
  const filter = named({ contains: 'm7' });
  expect(await all(source([pull([entry(1, 5)]), pull([entry(6, 9)], { ended: true })], { filter }))).toEqual([
    { seqs: [], lastSeq: 5, caughtUp: true },
    { seqs: [7], lastSeq: 9, caughtUp: true },
  ]);
});

test('the first batch can be empty, and a viewer that starts at the end gets no batch', async () => {
  expect(await all(source([pull([], { after: 4, lastSeq: 4 }), pull([entry(5, 5)], { ended: true })]))).toEqual([
    { seqs: [], lastSeq: 4, caughtUp: true },
    { seqs: [5], lastSeq: 5, caughtUp: true },
  ]);
  const ended: LogViewer = { take: () => null, more: () => Promise.resolve(), close: () => undefined };
  expect(await all(source([], { viewer: ended }))).toEqual([]);
});

test('a filter that matches nothing moves the position once per pull, not once per piece', async () => {
  const filter = named({ types: ['GroupStarted'] });
  expect(await all(source([pull([entry(1, 50)], { ended: true })], { filter, maxBatch: 5 }))).toEqual([
    { seqs: [], lastSeq: 50, caughtUp: true },
  ]);
});

test('viewers of one entry share its events', () => {
  const one = entry(1, 3);
  expect(sourcesOf(runId, one)).toBe(sourcesOf(runId, one));
});

test('return() ends a waiting pull, and closes the viewer once', async () => {
  const state = { closed: 0 };
  const iterator = new PullIterator(
    pulling(new PieceSource({ runId, viewer: viewerOf([], state), filter: null, maxBatch: 1 })),
  );
  const waiting = iterator.next();
  expect(await iterator.return()).toEqual({ done: true, value: undefined });
  expect(state.closed).toBe(1);
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  await iterator.return();
  expect(state.closed).toBe(1);
});

test('the end of the log and an error close the viewer too', async () => {
  const ended = { closed: 0 };
  const whole = new PullIterator(
    pulling(
      new PieceSource({
        runId,
        viewer: viewerOf([pull([entry(1, 1)], { ended: true })], ended),
        filter: null,
        maxBatch: 1,
      }),
    ),
  );
  for await (const batch of whole) expect(batch.lastSeq).toBe(1);
  expect(ended.closed).toBe(1);
  const failed = { closed: 0 };
  const viewer = { ...viewerOf([], failed), more: () => Promise.reject(new Error('gone')) };
  const broken = new PullIterator(pulling(new PieceSource({ runId, viewer, filter: null, maxBatch: 1 })));
  await expect(broken.next()).rejects.toThrow('gone');
  expect(failed.closed).toBe(1);
  expect(await broken.next()).toEqual({ done: true, value: undefined });
});
