import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { batchHeader, decodeBatch } from '../../../src/wire/codec.ts';
import { logChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(() => server.stop());

const all = async (runId: RunId, after = 0): Promise<RunEvent[]> => {
  const reader = new RedisLogReader(redis);
  const events: RunEvent[] = [];
  for (let at = after; ; ) {
    const page = await reader.forward(runId, at, 10);
    const last = page?.entries.at(-1);
    if (!page || !last) return events;
    events.push(...page.entries.flatMap((entry) => entry.events()).filter((event) => event.seq > at));
    at = last.lastSeq;
  }
};

test('W3: an append that is repeated after a lost reply is stored once and gets the same reply', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const first = await writer.append([line('a'), line('b')], 2);
  expect(await writer.append([line('a'), line('b')], 2)).toEqual(first);
  expect(await redis.xlen(logKey(writer.runId))).toBe(2);
  expect(await redis.hget(recordKey(writer.runId), 'lines')).toBe('2');
});

test('W1: an append with an older term gets FENCED and stores nothing', async () => {
  const old = await new PlainWriter(redis, await createRun(redis)).claim();
  await old.lines(2);
  const newer = await new PlainWriter(redis, old.runId).claim();
  expect((await old.lines(1)).code).toBe('FENCED');
  expect((await old.append([line('again')], 2)).code).toBe('FENCED');
  expect((await newer.lines(1)).code).toBe('OK');
});

test('W1: an append with the current term and the name of another writer gets FENCED and stores nothing', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  await writer.lines(2);
  const other = new PlainWriter(redis, writer.runId);
  Object.assign(other, { term: writer.term, nextSeq: writer.nextSeq });
  const stored = () => Promise.all([logKey, recordKey].map((key) => redis.dumpBuffer(key(writer.runId))));
  const before = await stored();
  expect((await other.lines(1)).code).toBe('FENCED');
  expect(await stored()).toEqual(before);
});

/** Reads the record and the newest entry at one instant. */
const look = async (runId: RunId) => {
  const [run, entries] = (
    (await redis.multi().hgetall(recordKey(runId)).xrevrangeBuffer(logKey(runId), '+', '-', 'COUNT', 1).exec()) ?? []
  ).map(([, reply]) => reply) as [Record<string, string>, [Buffer, Buffer[]][]];
  return { run, newest: decodeBatch(entries[0]?.[1][1] as Buffer) };
};

test('W2: everything announced is stored, and status and log agree at every instant', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const { runId } = writer;
  const listener = await server.connect();
  const looks: Promise<void>[] = [];
  let announced = 0;
  listener.on('messageBuffer', (_channel: Buffer, batch: Buffer) => {
    const { lastSeq } = batchHeader(batch);
    announced = lastSeq;
    looks.push(look(runId).then(({ run }) => expect(Number(run.lastSeq)).toBeGreaterThanOrEqual(lastSeq)));
  });
  await listener.subscribe(logChannel(runId));
  let writing = true;
  const watching = (async () => {
    while (writing) {
      const { run, newest } = await look(runId);
      expect(newest.at(-1)).toMatchObject({ kind: 'StatusChanged', seq: Number(run.lastSeq), status: run.status });
    }
  })();
  for (let i = 0; i < 300; i += 1) {
    const status = i % 2 === 0 ? 'STARTING' : 'RUNNING';
    const changed = { kind: 'StatusChanged', timestamp: i, status, previous: null, detail: null } as const;
    expect((await writer.append([line('before'), changed], writer.nextSeq, { status })).code).toBe('OK');
  }
  writing = false;
  await watching;
  await expect.poll(() => announced, { timeout: 20_000 }).toBe(601);
  expect(looks).toHaveLength(300);
  await Promise.all(looks);
  listener.disconnect();
});

test('W2a: an append begins at lastSeq + 1; with a gap or an overlap of other events it stores nothing', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  expect(writer.nextSeq).toBe(2);
  expect(await writer.lines(3)).toMatchObject({ code: 'OK', lastSeq: 4 });
  expect(await writer.append([line('gap')], 6)).toMatchObject({ code: 'BEHIND', lastSeq: 4 });
  expect(await writer.append([line('overlap'), line('and more')], 4)).toMatchObject({ code: 'BEHIND', lastSeq: 4 });
  expect((await all(writer.runId)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
});

test('B4: stored entry and announcement are the same bytes, next to the number of lines and the bytes of their messages', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const listener = await server.connect();
  const heard: Buffer[] = [];
  listener.on('messageBuffer', (_channel: Buffer, batch: Buffer) => heard.push(batch));
  await listener.subscribe(logChannel(writer.runId));
  await writer.append([line('ä€'), { kind: 'GroupStarted', timestamp: 1, name: 'no line' }, line('xyz')]);
  // Long enough to be compressed.
  await writer.append([line('z'.repeat(5000))]);
  await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(2);
  const entries = await redis.xrangeBuffer(logKey(writer.runId), '2-0', '+');
  expect(entries.map(([, [, batch]]) => batch)).toEqual(heard);
  expect(heard.map(([first]) => String.fromCharCode(first ?? 0))).toEqual(['R', 'Z']);
  const counts = entries.map(([, [d, , l, lines, b, bytes]]) => [d, l, lines, b, bytes].map(String));
  expect(counts).toEqual([
    ['d', 'l', '2', 'b', '8'],
    ['d', 'l', '1', 'b', '5000'],
  ]);
  listener.disconnect();
});

test('B5: the ID of an entry is its last seq, and the events after a seq are read from the ID after it', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (const count of [3, 1, 4]) await writer.lines(count);
  const idsFrom = async (from: string) => (await redis.xrange(logKey(writer.runId), from, '+')).map(([id]) => id);
  expect(await idsFrom('-')).toEqual(['1-0', '4-0', '5-0', '9-0']);
  // After seq 2 comes the entry with seq 3, after seq 4 the next one.
  expect(await idsFrom('3-0')).toEqual(['4-0', '5-0', '9-0']);
  expect(await idsFrom('5-0')).toEqual(['5-0', '9-0']);
});

test('E3: nothing is added after RunFinished; a repeat of it gets the same reply', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  expect((await writer.append([finished()], 2)).code).toBe('OK');
  expect((await writer.append([finished()], 2)).code).toBe('OK');
  expect((await writer.append([line('late')], 3)).code).toBe('CLOSED');
  await expect(new PlainWriter(redis, writer.runId).claim()).rejects.toThrow('REFUSED');
  expect(await redis.pttl(recordKey(writer.runId))).toBeGreaterThan(0);
  expect(await redis.pttl(logKey(writer.runId))).toBeGreaterThan(0);
});

test('W4: a store that lost the end of the log replies BEHIND with its lastSeq, and takes the same events under the same seqs', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  await writer.append([line('2'), line('3')]);
  const before = await redis.dumpBuffer(recordKey(writer.runId));
  const log = await redis.dumpBuffer(logKey(writer.runId));
  await writer.append([line('4'), line('5')]);
  await writer.append([line('6')]);
  await redis.restore(logKey(writer.runId), 0, log, 'REPLACE');
  await redis.restore(recordKey(writer.runId), 0, before, 'REPLACE');
  const behind = await writer.append([line('7')]);
  expect(behind).toMatchObject({ code: 'BEHIND', lastSeq: 3 });
  expect((await writer.append([line('4'), line('5')], 4)).code).toBe('OK');
  expect((await writer.append([line('6')], 6)).code).toBe('OK');
  expect((await writer.append([line('7')], 7)).code).toBe('OK');
  expect((await all(writer.runId)).map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('after a restart Redis gets the scripts again', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  await redis.script('FLUSH');
  expect((await writer.lines(3)).code).toBe('OK');
});

test('W5, W5a, E2: a log over its budget keeps its first and newest half; one LinesDropped stands for exactly the rest, clipped to after', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis, { maxLogBytes: 10_000 })).claim();
  for (let i = 0; i < 200; i += 1) await writer.append(Array.from({ length: 5 }, () => line('x'.repeat(100))));
  const events = await all(writer.runId);
  const dropped = events.filter((event) => event.kind === 'LinesDropped');
  expect(dropped).toHaveLength(1);
  let next = 1;
  let kept = 0;
  for (const event of events) {
    expect(event.kind === 'LinesDropped' ? event.fromSeq : event.seq).toBe(next);
    next = event.seq + 1;
    if (event.kind === 'LogLine') kept += 1;
  }
  expect(next).toBe(1002);
  const [hole] = dropped;
  expect(hole?.count).toBe(1000 - kept);
  expect(hole?.droppedBytes).toBe(100 * (1000 - kept));
  expect(hole?.droppedLines).toBe(1000 - kept);
  expect(Number(await redis.hget(recordKey(writer.runId), 'dropped'))).toBe(1000 - kept);
  expect(kept * 100).toBeLessThanOrEqual(10_000);
  expect(kept * 100).toBeGreaterThan(8_500);
  // A reader that starts in the middle gets a LinesDropped from its position.
  const [clipped] = await all(writer.runId, 300);
  expect(clipped).toMatchObject({
    kind: 'LinesDropped',
    fromSeq: 301,
    seq: hole?.seq,
    count: (hole?.seq ?? 0) - 300,
    droppedBytes: null,
    droppedLines: null,
  });
});

test('a log whose middle was dropped by a version that did not count lines reports its bytes, and no wrong number of lines', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis, { maxLogBytes: 4000 })).claim();
  const drop = async (times: number) => {
    for (let i = 0; i < times; i += 1) await writer.append([line('y'.repeat(100))]);
  };
  const hole = async () => (await all(writer.runId)).find((event) => event.kind === 'LinesDropped');
  await drop(60);
  const before = await hole();
  expect(before?.droppedLines).toBe(before?.count);
  await redis.hdel(recordKey(writer.runId), 'dropLines');
  await drop(10);
  const after = await hole();
  expect(after?.count).toBe((before?.count ?? 0) + 10);
  expect(after).toMatchObject({ droppedLines: null, droppedBytes: 100 * (after?.count ?? 0) });
});

test('pages backward and forward have the same events, also across the hole of a budget', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis, { maxLogBytes: 4000 })).claim();
  for (let i = 0; i < 60; i += 1) await writer.append([line('y'.repeat(100)), line('z'.repeat(50))]);
  const reader = new RedisLogReader(redis);
  const forward = await all(writer.runId);
  for (const size of [1, 2, 3, 7, 100]) {
    const spans: [number, number][] = [];
    for (let before = 2 ** 31 - 1; before > 1; ) {
      const page = await reader.backward(writer.runId, before, size);
      for (const entry of page?.entries ?? []) spans.push([entry.firstSeq, entry.lastSeq]);
      before = page?.entries.at(-1)?.firstSeq ?? 0;
    }
    let next = 1;
    for (const [first, last] of spans.reverse()) {
      expect(first).toBe(next);
      next = last + 1;
    }
    expect(next).toBe((forward.at(-1)?.seq ?? 0) + 1);
  }
  const hole = forward.find((event) => event.kind === 'LinesDropped');
  const inside = await reader.backward(writer.runId, (hole?.seq ?? 0) - 1, 3);
  expect(inside?.entries[0]).toMatchObject({ lastSeq: (hole?.seq ?? 0) - 2 });
});
