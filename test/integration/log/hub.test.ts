import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { RedisLogHub } from '../../../src/log/hub.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import type { LogViewer } from '../../../src/log/viewer.ts';
import { connectRedis, type RedisConnection } from '../../../src/redis/connection.ts';
import { createAnnouncements } from '../../../src/redis/pubsub.ts';
import { logChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { nextOf } from '../../support/source.ts';

const logger = pino({ level: 'silent' });
const never = new AbortController().signal;
const WAIT = { timeout: 20_000 };
let server: TestRedis;
let redis: Redis;
let reading: RedisConnection;
let subscriber: RedisConnection;
let reader: RedisLogReader;
let hub: RedisLogHub;

beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
  reading = connectRedis(server.url, 'commands', 'test', logger);
  subscriber = connectRedis(server.url, 'subscriber', 'test', logger);
});
afterAll(async () => {
  reading.close();
  subscriber.close();
  await server.stop();
});
beforeEach(() => {
  reader = new RedisLogReader(reading.redis);
  hub = new RedisLogHub({ reader, announcements: createAnnouncements(subscriber, logger), logger });
});
afterEach(() => hub[Symbol.asyncDispose]());

/** The seqs that the viewer gets until its log ends, or the first `enough` of them. */
const follow = async (viewer: LogViewer, enough = Number.POSITIVE_INFINITY): Promise<number[]> => {
  const seqs: number[] = [];
  while (seqs.length < enough) {
    const pull = await nextOf(viewer, never);
    if (pull === null) break;
    for (const event of pull.entries.flatMap((entry) => entry.events()))
      if (event.seq > pull.after) seqs.push(event.seq);
  }
  return seqs;
};
const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i);
const subscribers = async (runId: RunId) => Number((await redis.pubsub('NUMSUB', logChannel(runId)))[1]);

test('S1, J4: an early, a late and a resuming viewer get the same events, once each, and are done at the end', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const early = follow(await hub.open(writer.runId, {}));
  for (let i = 0; i < 200; i += 1) await writer.lines(10);
  const late = follow(await hub.open(writer.runId, {}));
  const resumed = follow(await hub.open(writer.runId, { after: 1234 }));
  const tail = follow(await hub.open(writer.runId, { tail: 5 }));
  for (let i = 0; i < 100; i += 1) await writer.lines(3);
  await writer.append([finished()]);
  expect(await early).toEqual(upTo(2302));
  expect(await late).toEqual(upTo(2302));
  expect(await resumed).toEqual(upTo(2302, 1235));
  expect(await tail).toEqual(upTo(2302, 1997));
});

test("J2: announcements lost with the subscriber's connection lose no line", async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const viewer = follow(await hub.open(writer.runId, {}));
  await vi.waitFor(async () => expect(await subscribers(writer.runId)).toBe(1), { timeout: 20_000 });
  for (let i = 0; i < 20; i += 1) {
    await writer.lines(2);
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }
  await writer.append([finished()]);
  expect(await viewer).toEqual(upTo(42));
});

test('J6: the last viewer that leaves frees the Redis subscription, also while it waits', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const idle = await hub.open(writer.runId, {});
  await nextOf(idle, never);
  const abort = new AbortController();
  const waiting = nextOf(idle, abort.signal).catch((error: unknown) => error);
  expect(await subscribers(writer.runId)).toBe(1);
  abort.abort(new Error('left'));
  idle.close();
  expect(await waiting).toBeInstanceOf(Error);
  await vi.waitFor(async () => expect(await subscribers(writer.runId)).toBe(0), { timeout: 20_000 });
  expect(hub.feeds).toBe(0);
});

test('J3a: a thousand viewers that come at once read the store less than fifty times', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 20; i += 1) await writer.lines(100);
  await writer.append([finished()]);
  const before = reader.reads;
  const viewers = await Promise.all(Array.from({ length: 1000 }, () => hub.open(writer.runId, {})));
  for (const seqs of await Promise.all(viewers.map((viewer) => follow(viewer)))) expect(seqs).toEqual(upTo(2002));
  expect(reader.reads - before).toBeLessThan(50);
});

test('J3a: a thousand viewers that reconnect at a thousand positions read the store less than fifty times', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 200; i += 1) await writer.lines(100);
  await writer.append([finished()]);
  const before = reader.reads;
  const places = Array.from({ length: 1000 }, (_, i) => i * 20);
  const viewers = await Promise.all(places.map((after) => hub.open(writer.runId, { after })));
  for (const [i, seqs] of (await Promise.all(viewers.map((viewer) => follow(viewer)))).entries()) {
    expect(seqs).toEqual(upTo(20_002, (places[i] ?? 0) + 1));
  }
  expect(reader.reads - before).toBeLessThan(50);
});

test('a run that does not exist, a position beyond the end, and a run removed meanwhile each give their own error', async () => {
  await expect(hub.open(newRunId(), {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  await expect(hub.open(writer.runId, { after: -1 })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    argument: 'after',
  });
  const ahead = await hub.open(writer.runId, { after: 10 });
  const removed = await hub.open(writer.runId, { after: 1 });
  expect((await nextOf(ahead, never))?.entries).toEqual([]);
  expect((await nextOf(removed, never))?.entries).toEqual([]);
  const tooFar = nextOf(ahead, never).catch((error: unknown) => error);
  await writer.append([finished()]);
  expect(await tooFar).toMatchObject({ code: 'BAD_USER_INPUT' });
  await expect(hub.open(writer.runId, { after: 3 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  const atEnd = await hub.open(writer.runId, { after: 2 });
  expect(await nextOf(atEnd, never)).toBeNull();

  const second = await new PlainWriter(redis, await createRun(redis)).claim();
  const viewer = await hub.open(second.runId, {});
  await nextOf(viewer, never);
  const gone = nextOf(viewer, never).catch((error: unknown) => error);
  await redis.del(recordKey(second.runId), logKey(second.runId));
  expect(await gone).toMatchObject({ code: 'NOT_FOUND' });
});

test('a viewer waits while the tail is lost, and sees each event once when the writer restores it', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const viewer = await hub.open(writer.runId, {});
  await writer.lines(3);
  const seen = await follow(viewer, 4);
  const record = await redis.dumpBuffer(recordKey(writer.runId));
  const log = await redis.dumpBuffer(logKey(writer.runId));
  const lost = [line('5'), line('6')];
  await writer.append(lost, 5);
  seen.push(...(await follow(viewer, 2)));
  const late = await hub.open(writer.runId, {});
  await redis.restore(recordKey(writer.runId), 0, record, 'REPLACE');
  await redis.restore(logKey(writer.runId), 0, log, 'REPLACE');
  const lateSeqs = follow(late);
  expect((await writer.append([line('7')], 7)).code).toBe('BEHIND');
  await writer.append(lost, 5);
  await writer.append([line('7')], 7);
  await writer.append([finished()], 8);
  seen.push(...(await follow(viewer)));
  expect(seen).toEqual(upTo(8));
  expect(await lateSeqs).toEqual(upTo(8));
});

test('J2b: a viewer whose last read was empty reads again when the store is filled, without an announcement', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const { runId } = writer;
  const dump = async () => [await redis.dumpBuffer(recordKey(runId)), await redis.dumpBuffer(logKey(runId))] as const;
  const restore = async ([record, log]: Awaited<ReturnType<typeof dump>>) => {
    await redis.restore(recordKey(runId), 0, record, 'REPLACE');
    await redis.restore(logKey(runId), 0, log, 'REPLACE');
  };
  await writer.lines(3);
  const before = await dump();
  await writer.lines(2);
  const after = await dump();
  // It learns of 6 events; then the store loses two of them.
  const viewer = await hub.open(runId, {});
  await restore(before);
  expect(await follow(viewer, 4)).toEqual(upTo(4));
  const reads = reader.reads;
  const rest = follow(viewer, 2);
  await vi.waitFor(() => expect(reader.reads).toBeGreaterThan(reads));
  await restore(after);
  expect(await rest).toEqual(upTo(6, 5));
});

test('J1: the head is what the store says after the subscription was confirmed', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  const { runId } = writer;
  const announcements = createAnnouncements(subscriber, logger);
  const confirmation = Promise.withResolvers<void>();
  await using late = new RedisLogHub({
    reader,
    logger,
    announcements: {
      onReconnect: (listener) => announcements.onReconnect(listener),
      subscribe: async (...given) => {
        const unsubscribe = await announcements.subscribe(...given);
        await confirmation.promise;
        return unsubscribe;
      },
    },
  });
  const seen: string[] = [];
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
    if (key === recordKey(runId) && command.toLowerCase() === 'hmget') seen.push('asked');
    if (command.toLowerCase() === 'ping') seen.push('ping');
  });
  try {
    let opened = false;
    const opening = late.open(runId, {}).finally(() => {
      opened = true;
    });
    await vi.waitFor(async () => expect(await subscribers(runId)).toBe(1), WAIT);
    // Redis answers this after the hub's earlier requests on the same connection: so far only whether the run has
    // ended.
    await reading.redis.ping();
    await vi.waitFor(() => expect(seen).toContain('ping'), WAIT);
    expect(seen).toEqual(['asked', 'ping']);
    expect(opened).toBe(false);
    confirmation.resolve();
    const viewer = await opening;
    await vi.waitFor(() => expect(seen.filter((what) => what === 'asked').length).toBeGreaterThan(1), WAIT);
    await writer.append([finished()]);
    expect(await follow(viewer)).toEqual([1, 2]);
  } finally {
    monitor.disconnect();
  }
});

test('J1a: a finished run is read without a subscription', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  await writer.append([finished()]);
  const announcements = createAnnouncements(subscriber, logger);
  const channels: string[] = [];
  await using other = new RedisLogHub({
    reader,
    logger,
    announcements: {
      onReconnect: (listener) => announcements.onReconnect(listener),
      subscribe: (channel, ...given) => {
        channels.push(channel);
        return announcements.subscribe(channel, ...given);
      },
    },
  });
  expect(await follow(await other.open(writer.runId, {}))).toEqual([1, 2]);
  expect(channels).toEqual([]);
  const unfinished = await createRun(redis);
  await other.open(unfinished, {});
  expect(channels).toEqual([logChannel(unfinished)]);
});

test('J2a: without Pub/Sub the hub asks the store, once a second for all followed runs together', async () => {
  const writers = await Promise.all([1, 2].map(async () => new PlainWriter(redis, await createRun(redis)).claim()));
  const restores: (() => Promise<unknown>)[] = [];
  const viewers: LogViewer[] = [];
  for (const writer of writers) {
    const keys = [recordKey(writer.runId), logKey(writer.runId)];
    const dumps = (): Promise<Buffer[]> => Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    const restore = (values: readonly Buffer[]) =>
      Promise.all(keys.map((key, i) => redis.restore(key, 0, values[i] as Buffer, 'REPLACE')));
    await writer.lines(3);
    const before = await dumps();
    await writer.lines(2);
    const after = await dumps();
    await restore(before);
    restores.push(() => restore(after));
    const viewer = await hub.open(writer.runId, {});
    expect(await follow(viewer, 4)).toEqual(upTo(4));
    viewers.push(viewer);
  }
  const asked: number[] = [];
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, args: string[]) => {
    const run = writers.findIndex(({ runId }) => args[1] === recordKey(runId));
    if (run >= 0 && args[0]?.toLowerCase() === 'hmget') asked.push(run);
  });
  try {
    const began = performance.now();
    // Both wait at the head while the hub asks again and again.
    const rest = viewers.map((viewer) => follow(viewer, 2));
    await vi.waitFor(() => expect(asked.length).toBeGreaterThanOrEqual(6), WAIT);
    expect(asked.filter((run) => run === 0).length).toBe(asked.filter((run) => run === 1).length);
    expect(asked.length / 2).toBeLessThanOrEqual(Math.ceil((performance.now() - began) / 1000) + 1);
    for (const restore of restores) await restore();
    for (const seqs of rest) expect(await seqs).toEqual([5, 6]);
  } finally {
    monitor.disconnect();
  }
});

test('W5b: a live viewer gets every event of a log over its budget', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis, { maxLogBytes: 4000 })).claim();
  const viewer = await hub.open(writer.runId, {});
  const seqs: number[] = await follow(viewer, 1);
  for (let i = 0; i < 50; i += 1) {
    await writer.lines(5, 'x'.repeat(100));
    seqs.push(...(await follow(viewer, 5)));
  }
  await writer.append([finished()]);
  seqs.push(...(await follow(viewer)));
  expect(seqs).toEqual(upTo(252));
  // A viewer that comes after all others have left reads the store, which holds less.
  viewer.close();
  const late = await follow(await hub.open(writer.runId, {}));
  expect(late.length).toBeLessThan(100);
});
