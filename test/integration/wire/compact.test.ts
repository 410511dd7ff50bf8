import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import { firstSeqOf } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { appendBatch } from '../../../src/wire/append.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { type CompactRequest, compactTail, mergeBatches } from '../../../src/wire/compact.ts';
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

/** A log with seq 1, then `entries` batches of three lines each. */
const smallEntries = async (entries: number, changes = {}): Promise<PlainWriter> => {
  const writer = await new PlainWriter(redis, await createRun(redis, changes)).claim();
  for (let i = 0; i < entries; i += 1) await writer.lines(3, 'a line of a quiet command');
  return writer;
};

/** The request that compacts the newest `entries` of the log. */
const requestFor = async ({ runId, term, writer }: PlainWriter, entries: number): Promise<CompactRequest> => {
  const stored = await redis.xrevrangeBuffer(logKey(runId), '+', '-', 'COUNT', entries);
  const batches = stored.map(([, fields]) => fields[1] ?? Buffer.alloc(0)).reverse();
  return { term, writer, entries, ...mergeBatches(batches) };
};

const dump = async (runId: RunId): Promise<string> =>
  JSON.stringify(await Promise.all([redis.xrange(logKey(runId), '-', '+'), redis.hgetall(recordKey(runId))]));

const everything = async (runId: RunId, after = 0, maxEntries = 10_000): Promise<RunEvent[]> => {
  const page = await new RedisLogReader(redis).forward(runId, after, maxEntries);
  return (page?.entries ?? []).flatMap((entry) => entry.events()).filter((event) => event.seq > after);
};

test('W9, W9b: compaction makes one entry of the newest: the same events from every position, in both directions, and no announcement', async () => {
  const writer = await smallEntries(40);
  const { runId } = writer;
  const before = await everything(runId);
  const record = await redis.hgetall(recordKey(runId));
  const listener = await server.connect();
  const heard: string[] = [];
  listener.on('message', (channel: string) => heard.push(channel));
  await listener.subscribe(logChannel(runId), 'run_updates');
  expect(await compactTail(redis, runId, await requestFor(writer, 30))).toBe(true);
  expect(await redis.hgetall(recordKey(runId))).toEqual(record);
  expect(await redis.xlen(logKey(runId))).toBe(12);
  for (let position = 0; position <= 121; position += 1) {
    expect(await everything(runId, position)).toEqual(before.slice(position));
    if (position < 2) continue;
    const page = await new RedisLogReader(redis).backward(runId, position, 2);
    const events = page?.entries.toReversed().flatMap((entry) => entry.events()) ?? [];
    const seen = events.filter((event) => event.seq < position);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(before.slice(position - 1 - seen.length, position - 1));
  }
  // Writing goes on, and new entries can be compacted again.
  for (let i = 0; i < 10; i += 1) expect((await writer.lines(2)).code).toBe('OK');
  expect(await compactTail(redis, runId, await requestFor(writer, 10))).toBe(true);
  expect((await writer.append([finished()])).code).toBe('OK');
  const after = await everything(runId);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map((event) => event.seq)).toEqual(Array.from({ length: 142 }, (_, i) => i + 1));
  // The eleven appends since then were announced, and the compactions were not.
  await listener.ping();
  expect(heard.filter((channel) => channel === logChannel(runId))).toHaveLength(11);
  listener.disconnect();
});

test('a call that is repeated after a lost reply changes nothing', async () => {
  const writer = await smallEntries(20);
  const request = await requestFor(writer, 15);
  expect(await compactTail(redis, writer.runId, request)).toBe(true);
  const done = await dump(writer.runId);
  expect(await compactTail(redis, writer.runId, request)).toBe(false);
  expect(await dump(writer.runId)).toBe(done);
  // Also if it comes so late that the log has grown.
  await writer.lines(3);
  const later = await dump(writer.runId);
  expect(await compactTail(redis, writer.runId, request)).toBe(false);
  expect(await dump(writer.runId)).toBe(later);
});

type Spoiler = (writer: PlainWriter, request: CompactRequest) => Promise<CompactRequest>;
const spoilers: Record<string, Spoiler> = {
  'another term': async (_, request) => ({ ...request, term: request.term + 1 }),
  'another writer of the term': async (_, request) => ({ ...request, writer: 'somebody' }),
  'a later writer': async (writer, request) => {
    await new PlainWriter(redis, writer.runId).claim();
    return request;
  },
  'a log that has grown': async (writer, request) => {
    await writer.lines(1);
    return request;
  },
  'a closed log': async (writer) => {
    await writer.append([finished()]);
    return await requestFor(writer, 10);
  },
  'a record that is ahead of the log': async (writer, request) => {
    await redis.hincrby(recordKey(writer.runId), 'lastSeq', 1);
    return request;
  },
  'a missing entry': async (writer, request) => {
    await redis.xdel(logKey(writer.runId), '49-0');
    return request;
  },
  'a missing entry that the count allows for': async (writer, request) => {
    await redis.xdel(logKey(writer.runId), '49-0');
    return { ...request, entries: request.entries - 1 };
  },
  'a missing first entry': async (writer, request) => {
    await redis.xdel(logKey(writer.runId), '34-0');
    return { ...request, entries: request.entries - 1 };
  },
  'more entries than requested': async (_, request) => ({ ...request, entries: request.entries - 1 }),
  'fewer entries than requested': async (_, request) => ({ ...request, entries: request.entries + 1 }),
  'another number of lines': async (_, request) => ({ ...request, lines: request.lines - 1 }),
  'another number of bytes': async (_, request) => ({ ...request, messageBytes: request.messageBytes + 1 }),
  'a batch of another range': async (writer, request) => ({
    ...request,
    batch: (await requestFor(writer, 9)).batch,
  }),
  'a start in the middle of an entry': async (_, request) => ({ ...request, firstSeq: request.firstSeq + 1 }),
  'an earlier end': async (_, request) => ({ ...request, lastSeq: request.lastSeq - 3 }),
  'the end of the budget’s first half inside the range': async (writer, request) => {
    await redis.hset(recordKey(writer.runId), 'headSeq', 40);
    return request;
  },
  'the end of the dropped lines inside the range': async (writer, request) => {
    await redis.hset(recordKey(writer.runId), 'headSeq', 10, 'dropTo', 40);
    return request;
  },
  'a removed run': async (writer, request) => {
    await redis.del(recordKey(writer.runId));
    return request;
  },
};

test.for(Object.entries(spoilers))('W9a: compaction changes nothing: %s', async ([, spoil]) => {
  const writer = await smallEntries(20);
  const request = await spoil(writer, await requestFor(writer, 10));
  const before = await dump(writer.runId);
  expect(await compactTail(redis, writer.runId, request)).toBe(false);
  expect(await dump(writer.runId)).toBe(before);
});

test('W9a: compaction never spans a hole or another attempt', async () => {
  const writer = await smallEntries(5);
  const { runId, nextSeq } = writer;
  const hole = { firstSeq: nextSeq + 3, count: 1, batch: encodeBatch([line('after a hole')], nextSeq + 3, 1) };
  const reply = await appendBatch(redis, runId, {
    ...{ term: writer.term, writer: writer.writer, ...hole, lines: 1, messageBytes: 12, closes: false, changes: {} },
    acrossLoss: { lines: 18, bytes: 500 },
  });
  expect(reply.code).toBe('OK');
  const stored = await redis.xrevrangeBuffer(logKey(runId), '+', '-', 'COUNT', 3);
  const batches = stored.map(([, fields]) => fields[1] ?? Buffer.alloc(0)).reverse();
  const merged = mergeBatches(batches);
  // Its bytes say how many events the entry holds: fewer than the seqs that it would span.
  const request = { term: writer.term, writer: writer.writer, entries: 3, ...merged };
  const before = await dump(runId);
  expect(await compactTail(redis, runId, request)).toBe(false);
  expect(await compactTail(redis, runId, { ...request, lastSeq: nextSeq + 3 })).toBe(false);
  expect(await dump(runId)).toBe(before);
  expect((await everything(runId)).map(firstSeqOf)).toEqual([...Array.from({ length: 17 }, (_, i) => i + 1), 20]);
});

test('the budget drops a compacted entry as a whole, and counts it correctly', async () => {
  const writer = await smallEntries(0, { maxLogBytes: 20_000 });
  const { runId } = writer;
  let compacted = 0;
  for (let i = 0; i < 300; i += 1) {
    await writer.append([line('x'.repeat(100)), line('y'.repeat(60))]);
    if (i % 5 === 4 && (await compactTail(redis, runId, await requestFor(writer, 5)))) compacted += 1;
  }
  // All but the entry that crosses the end of the first half, if there is one; ten events each, from seq 2 on.
  const headSeq = Number(await redis.hget(recordKey(runId), 'headSeq'));
  expect(compacted).toBe((headSeq - 1) % 10 === 0 ? 60 : 59);
  const events = await everything(runId);
  const holes = events.filter((event) => event.kind === 'LinesDropped');
  const kept = events.filter((event) => event.kind === 'LogLine').length;
  expect(holes).toMatchObject([{ count: 600 - kept, droppedBytes: 80 * (600 - kept), reason: 'LOG_LIMIT' }]);
  expect(await redis.hget(recordKey(runId), 'dropped')).toBe(String(600 - kept));
  let next = 1;
  for (const event of events) {
    expect(firstSeqOf(event)).toBe(next);
    next = event.seq + 1;
  }
  expect(next).toBe(602);
  // Line breaks and segments count towards the budget too.
  expect(80 * kept).toBeGreaterThan(17_000);
  expect(80 * kept).toBeLessThanOrEqual(20_000);
});
