/** What is kept about a log as it is written, against what a reader computes from its events. */
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isCommandLine, LOG_LEVELS, type RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { packLog } from '../../../src/log/pack.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { seqAtLine, seqAtTime } from '../../../src/log/summary/findSeq.ts';
import { histogramOf } from '../../../src/log/summary/histogram.ts';
import { type LogSummary, logSummary } from '../../../src/log/summary/logSummary.ts';
import { openGroupsAt, outlineOf } from '../../../src/log/summary/outline.ts';
import { decodeBatch } from '../../../src/wire/codec.ts';
import { indexKey, logChannel, recordKey } from '../../../src/wire/keys.ts';
import { MOST_GROUPS } from '../../../src/wire/logIndex/groups.ts';
import { createRun, PlainWriter, storedEntries } from '../../support/log.ts';
import { loseTail } from '../../support/redis/loseTail.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { createPending, startAttempt } from '../../support/runs/attemptInProcess.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(() => server.stop());

const signal = new AbortController().signal;
const pace = { signal, goOn: () => Promise.resolve() };
const caller = { ...pace, charge: () => Promise.resolve() };
const ALL = { attempt: null, maxDepth: null, first: MOST_GROUPS, after: 0 };

const summaryOf = async (id: RunId): Promise<LogSummary> => {
  const summary = await logSummary(new RedisLogReader(redis), id, true, caller);
  if (summary === null) throw new Error('the run does not exist');
  return summary;
};
const viewOf = async (id: RunId): Promise<RunEvent[]> =>
  (await storedEntries(redis, id)).flatMap((entry) => entry.events());

/** Every event that was announced, also those that the budget dropped later. */
const listen = async (id: RunId) => {
  const listener = await server.connect();
  const events = new Map<number, RunEvent>();
  listener.on('messageBuffer', (_channel: Buffer, batch: Buffer) => {
    for (const event of decodeBatch(batch)) events.set(event.seq, event);
  });
  await listener.subscribe(logChannel(id));
  return {
    /** With the first event, which was announced before. */
    all: async (): Promise<RunEvent[]> => {
      const lastSeq = Number(await redis.hget(recordKey(id), 'lastSeq'));
      await vi.waitFor(() => expect(events.has(lastSeq)).toBe(true), 10_000);
      await listener.quit();
      const [first] = await viewOf(id);
      return [...(first === undefined ? [] : [first]), ...events.values()].sort((a, b) => a.seq - b.seq);
    },
  };
};

const linesOf = (events: readonly RunEvent[]) => events.filter((event) => event.kind === 'LogLine');
const levelsOf = (events: readonly RunEvent[]): number[] =>
  LOG_LEVELS.map((level) => linesOf(events).filter((line) => line.level === level).length);
const errorsOf = (events: readonly RunEvent[]) =>
  linesOf(events).filter(({ level }) => level === 'ERROR' || level === 'CRITICAL');

/** Groups as a reader finds them, by their GroupEnded. */
const groupsOf = (events: readonly RunEvent[]) => {
  const open: RunEvent[] = [];
  return events.flatMap((event) => {
    if (event.kind === 'GroupEnded')
      open.splice(
        open.findIndex(({ seq }) => seq === event.startSeq),
        1,
      );
    if (event.kind !== 'GroupStarted') return [];
    const parent = open.at(-1)?.seq ?? null;
    open.push(event);
    const end = events.find((one) => one.kind === 'GroupEnded' && one.startSeq === event.seq);
    const inside = events.filter(({ seq }) => seq > event.seq && seq < (end?.seq ?? Number.POSITIVE_INFINITY));
    return {
      seq: event.seq,
      endSeq: end?.seq ?? null,
      parent,
      depth: open.length,
      name: event.name,
      attempt: event.attempt,
      startedAt: event.timestamp,
      durationMs: end === undefined ? null : end.timestamp - event.timestamp,
      lines: linesOf(inside).length,
      errors: errorsOf(inside).length,
      warnings: linesOf(inside).filter(({ level }) => level === 'WARNING').length,
    };
  });
};

const expectIndexed = async (id: RunId, events: readonly RunEvent[]): Promise<void> => {
  const log = await summaryOf(id);
  const { state } = log.index;
  expect(log.indexed).toBe(true);
  expect(state.levels).toEqual(levelsOf(events));
  expect(log.lines).toBe(linesOf(events).length);
  expect(state.firstError).toBe(errorsOf(events)[0]?.seq ?? null);
  expect(state.lastError).toBe(errorsOf(events).at(-1)?.seq ?? null);
  expect(state.firstAt).toBe(events[0]?.timestamp);
  expect(state.lastAt).toBe(events.at(-1)?.timestamp);
  expect(outlineOf(log.index, ALL)).toEqual(groupsOf(events));
  const numbers = linesOf(events).map((line) => (isCommandLine(line) ? line.line : null));
  expect(numbers.filter((number) => number !== null)).toEqual(
    Array.from({ length: state.commandLines }, (_, i) => i + 1),
  );
  for (const buckets of [1, 7, 60]) {
    const parts = histogramOf(log.index, buckets);
    expect(parts.length).toBeLessThanOrEqual(buckets);
    expect(parts.flatMap(({ fromSeq, seq }) => [fromSeq, seq])).toEqual(
      parts.flatMap(({ seq }, i) => [(parts[i - 1]?.seq ?? 0) + 1, seq]),
    );
    expect(parts.at(-1)?.seq).toBe(log.lastSeq);
    for (const { fromSeq, seq, levels } of parts) {
      expect(levels).toEqual(levelsOf(events.slice(fromSeq - 1, seq)));
    }
  }
};

/** Every line and every instant is found where a reader finds it; a missing one at its LinesDropped. */
const expectFound = async (id: RunId, events: readonly RunEvent[]): Promise<void> => {
  const log = await summaryOf(id);
  const view = await viewOf(id);
  const search = { reader: new RedisLogReader(redis), runId: id, log, pace };
  const lines = linesOf(events).filter(isCommandLine);
  for (const at of new Set([0, 1, lines.length >> 1, lines.length - 2, lines.length - 1])) {
    const line = lines[at];
    if (line === undefined) continue;
    const shown = view.find(
      (one) => (one.kind === 'LinesDropped' ? one.fromSeq : one.seq) <= line.seq && line.seq <= one.seq,
    );
    expect(await seqAtLine(search, at + 1), `line ${at + 1}`).toBe(shown?.seq);
  }
  expect(await seqAtLine(search, lines.length + 1)).toBeNull();
  for (const { timestamp } of [events[0], events[events.length >> 1], events.at(-1)].filter(
    (one) => one !== undefined,
  )) {
    const first = events.find((one) => one.timestamp >= timestamp)?.seq ?? 0;
    // A LinesDropped has the timestamp of the event after it, so it can be found in place of that one.
    const shown = view.filter((one) => first <= one.seq || (one.kind === 'LinesDropped' && first === one.seq + 1));
    expect([shown[0]?.seq, shown[shown[0]?.kind === 'LinesDropped' ? 1 : 0]?.seq]).toContain(
      await seqAtTime(search, timestamp),
    );
  }
  expect(await seqAtTime(search, Math.max(...events.map(({ timestamp }) => timestamp)) + 1)).toBeNull();
};

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }).map((count) => 'a plain line\n'.repeat(count)) },
  fc.constantFrom(
    '::group::build\n',
    '::group::test, all\n',
    '::endgroup::\n',
    '::error file=a.js,line=3::broken\n',
    '::warning::hm\n',
    '{"level":"critical","msg":"record"}\n',
    '{"level":"debug","msg":"old","time":1700000000000}\n',
    `{"level":"info","msg":"later","time":${Date.now() + 5000}}\n`,
    '::progress current=1,total=2::p\n',
    '::output::{broken\n',
    'half a line',
  ),
);
const attempt = fc.record({
  pieces: fc.array(fc.record({ text: piece, flush: fc.boolean() }), { maxLength: 25 }),
  killed: fc.boolean(),
  lost: fc.option(fc.integer({ min: 1, max: 4 })),
});

test('K1, K2, K3, K5: in any course of attempts the index has what a reader computes from the events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(attempt, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(1e9, 1500),
      fc.boolean(),
      async (attempts, maxLogBytes, packs) => {
        const id = await createPending(redis, { maxAttempts: attempts.length }, maxLogBytes);
        const heard = await listen(id);
        for (const [i, { pieces, killed, lost }] of attempts.entries()) {
          const running = await startAttempt(redis, id, i + 1);
          for (const { text, flush } of pieces) {
            running.output.stdout.write(Buffer.from(text), Date.now());
            if (flush) await running.writer.flush();
          }
          running.output.stdout.end(Date.now());
          await running.writer.flush();
          if (lost !== null && maxLogBytes > 1500) {
            // The executor is told by its next append, and writes again what Redis lost.
            await loseTail(redis, id, Math.min(lost, pieces.filter(({ flush }) => flush).length));
          }
          if (killed && lost === null) await running.lose();
          else await running.end(1);
        }
        if (packs) await packLog(redis, id);
        const events = await heard.all();
        await expectIndexed(id, events);
        await expectFound(id, events);
        expect(await redis.pttl(indexKey(id))).not.toBe(-1);
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('K5: an instant whose event was dropped is found at the LinesDropped in its place', async () => {
  for (const isAtEnd of [false, true]) {
    const id = await createPending(redis, {}, 2000);
    const { writer, output, end } = await startAttempt(redis, id, 1);
    const time = Date.now() + 60_000;
    const later = `{"level":"info","msg":"later","time":${time}}\n`;
    const write = async (text: string): Promise<void> => {
      output.stdout.write(Buffer.from(text), Date.now());
      await writer.flush();
    };
    for (let i = 0; i < 50; i += 1) await write(i === 20 ? later : `line ${i} ${'x'.repeat(90)}\n`);
    if (isAtEnd) await write(later);
    await end(0);
    const search = { reader: new RedisLogReader(redis), runId: id, log: await summaryOf(id), pace };
    const view = await viewOf(id);
    expect(view.filter((event) => event.timestamp >= time)).toHaveLength(isAtEnd ? 1 : 0);
    const dropped = view.filter((event) => event.kind === 'LinesDropped').map(({ seq }) => seq);
    expect(dropped).toHaveLength(1);
    expect(await seqAtTime(search, time)).toBe(dropped[0]);
    expect(await seqAtTime(search, time + 1)).toBeNull();
  }
});

test('K4: groups that are open at an event, and how far an open one has come', async () => {
  const id = await createPending(redis, {});
  const { writer, output } = await startAttempt(redis, id, 1);
  output.stdout.write(Buffer.from('::group::a\nx\n::group::b\n::error::y\n::endgroup::\n::group::c\nz\n'), Date.now());
  await writer.flush();
  const { index } = await summaryOf(id);
  const events = await viewOf(id);
  const at = (message: string) =>
    events.find((event) => event.kind === 'LogLine' && event.message === message)?.seq ?? 0;
  const namesAt = (seq: number) => openGroupsAt(index, seq).map(({ name }) => name);
  expect([at('x'), at('y'), at('y') + 1, at('z')].map(namesAt)).toEqual([['a'], ['a', 'b'], ['a', 'b'], ['a', 'c']]);
  expect(outlineOf(index, ALL)).toMatchObject([
    { name: 'a', depth: 1, parent: null, endSeq: null, durationMs: null, lines: 3, errors: 1 },
    { name: 'b', depth: 2, parent: index.groups[0]?.seq, endSeq: at('y') + 1, lines: 1, errors: 1 },
    { name: 'c', depth: 2, endSeq: null, lines: 1, errors: 0 },
  ]);
  expect(outlineOf(index, { ...ALL, maxDepth: 1 }).map(({ name }) => name)).toEqual(['a']);
  expect(outlineOf(index, { ...ALL, first: 1, after: index.groups[0]?.seq ?? 0 }).map(({ name }) => name)).toEqual([
    'b',
  ]);
});

test('K4a: groups that are open at the end of the attempt are ended there, also if their executor is lost', async () => {
  for (const lost of [false, true]) {
    const id = await createPending(redis, {});
    const { writer, output, end, lose } = await startAttempt(redis, id, 1);
    output.stdout.write(Buffer.from('::add-mask::hunter2\n::group::a\n::group::b hunter2\nx\n'), Date.now());
    await writer.flush();
    await (lost ? lose() : end(0));
    const ends = (await viewOf(id)).filter((event) => event.kind === 'GroupEnded');
    expect(ends).toMatchObject([
      { name: 'b ***', implicit: true },
      { name: 'a', implicit: true },
    ]);
    expect(outlineOf((await summaryOf(id)).index, ALL).map(({ endSeq }) => endSeq)).toEqual([
      ends[1]?.seq,
      ends[0]?.seq,
    ]);
  }
});

test('K4b: of very many groups 2,000 are kept: the deepest are left out first, then those in the middle', async () => {
  const id = await createPending(redis, {});
  const { output, end } = await startAttempt(redis, id, 1);
  const group = (name: string, inside = '') => `::group::${name}\n${inside}::endgroup::\n`;
  for (let i = 0; i < 900; i += 1) {
    output.stdout.write(Buffer.from(group(`outer ${i}`, group('inner', group('innermost')))), Date.now());
  }
  await end(0);
  const { index, indexed } = await summaryOf(id);
  expect(indexed).toBe(true);
  expect(index.state.groupsStarted).toBe(2700);
  expect(index.groups.filter(({ depth }) => depth === 1)).toHaveLength(900);
  expect(index.groups.filter(({ depth }) => depth === 3)).toHaveLength(0);
  expect(index.groups.every(({ parent, depth }) => depth === 1 || index.groups.some(({ seq }) => seq === parent))).toBe(
    true,
  );
  const flat = await createPending(redis, {});
  const second = await startAttempt(redis, flat, 1);
  for (let i = 0; i < 5000; i += 1) second.output.stdout.write(Buffer.from(group(`${i}`)), Date.now());
  await second.end(0);
  const names = (await summaryOf(flat)).index.groups.map(({ name }) => Number(name));
  expect(names.length).toBeLessThanOrEqual(MOST_GROUPS);
  expect(names.slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  expect(names.slice(-500)).toEqual(Array.from({ length: 500 }, (_, i) => 4500 + i));
  expect(await redis.memory('USAGE', indexKey(flat), 'SAMPLES', 0)).toBeLessThan(512 * 1024);
});

test('K7: a log of an older version is read for its summary, and says so', async () => {
  const id = await createRun(redis, { status: 'RUNNING' });
  const old = await new PlainWriter(redis, id).claim();
  await old.lines(3);
  await old.append([{ kind: 'GroupStarted', timestamp: 7, name: 'g' }]);
  await old.lines(2);
  await old.append([{ kind: 'GroupEnded', timestamp: 12, name: 'g' }]);
  const log = await summaryOf(id);
  expect(log).toMatchObject({ indexed: false, lines: 5, lastSeq: 8 });
  expect(log.index.state).toMatchObject({ levels: [0, 0, 5, 0, 0, 0], commandLines: 5 });
  expect(outlineOf(log.index, ALL)).toMatchObject([{ seq: 5, endSeq: 8, durationMs: 5, lines: 2 }]);
  expect(await seqAtLine({ reader: new RedisLogReader(redis), runId: id, log, pace }, 4)).toBe(6);
});

test('K7a: an executor of an older version can append to a log with an index, which then is not used any more', async () => {
  const id = await createPending(redis, {});
  const old = await new PlainWriter(redis, id).claim();
  expect((await old.lines(3)).code).toBe('OK');
  expect(await summaryOf(id)).toMatchObject({ indexed: false, lines: 3 });
  const next = await startAttempt(redis, id, 1);
  next.output.stdout.write(Buffer.from('from a newer executor\n'), Date.now());
  await next.end(0);
  expect(await summaryOf(id)).toMatchObject({ indexed: false, lines: 4 });
});

test('K6: missing seqs are told with their reason: dropped by the budget, and lost by Redis', async () => {
  const id = await createPending(redis, {}, 2000);
  const { writer, output, end } = await startAttempt(redis, id, 1);
  for (let i = 0; i < 50; i += 1) {
    output.stdout.write(Buffer.from(`line ${i} ${'x'.repeat(90)}\n`), Date.now());
    await writer.flush();
  }
  await end(0);
  const dropped = (await viewOf(id)).filter((event) => event.kind === 'LinesDropped');
  expect((await summaryOf(id)).missing).toEqual(
    dropped.map(({ fromSeq, seq, droppedLines, reason }) => ({ fromSeq, seq, lines: droppedLines, reason })),
  );
  const lossy = await new PlainWriter(redis, await createRun(redis, { status: 'RUNNING' })).claim();
  await lossy.lines(3);
  await lossy.append([{ kind: 'GroupStarted', timestamp: 1, name: 'g' }], 9, {}, { lines: 7, bytes: 50 });
  const stored = await new RedisLogReader(redis).summary(lossy.runId, false);
  expect(stored?.missing).toEqual([{ fromSeq: 5, seq: 8, lines: 4, reason: 'STORE_LOST' }]);
});
