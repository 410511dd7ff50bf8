/** The executor's writer together with readers, viewers and losses: each reader gets each event once. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LogWriter } from '../../../executor/write/logWriter.ts';
import { firstSeqOf, type RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { RedisLogHub } from '../../../src/log/hub.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { connectRedis, type RedisConnection } from '../../../src/redis/connection.ts';
import { createAnnouncements } from '../../../src/redis/pubsub.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, storedEntries } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { digestOf, messages, readRun } from '../../support/runs/executor.ts';
import { openWriter } from '../../support/runs/writer.ts';
import { nextOf } from '../../support/source.ts';

const logger = pino({ level: 'silent' });
let server: TestRedis;
let redis: Redis;
let reading: RedisConnection;
let subscriber: RedisConnection;
let hub: RedisLogHub;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
  reading = connectRedis(server.url, 'commands', 'test', logger);
  subscriber = connectRedis(server.url, 'subscriber', 'test', logger);
  const reader = new RedisLogReader(reading.redis);
  hub = new RedisLogHub({ reader, announcements: createAnnouncements(subscriber, logger), logger });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  reading.close();
  subscriber.close();
  await server.stop();
});

/** Numbers from 0 to 1, the same sequence for the same seed (mulberry32). */
const randomOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
};

const LINES = 2000;

/** The line with this seq; the run's first event is not a line, so lines begin with seq 2. */
const lineOf = (seq: number): string => `${seq} ${'what the command says '.repeat(1 + (seq % 4))}${seq * 7919}`;

/** Writes lines like a command: mostly few at a time, sometimes a burst, often without waiting. */
const write = async (writer: LogWriter, lines: number, random: () => number): Promise<void> => {
  let seq = 2;
  while (seq < lines + 2) {
    const burst = random() < 0.01 ? 400 : 6;
    const count = Math.min(1 + Math.floor(random() * burst), lines + 2 - seq);
    const text = Array.from({ length: count }, (_, i) => `${lineOf(seq + i)}\n`).join('');
    if (count === 1 && random() < 0.2) {
      const event = {
        kind: 'LogLine',
        timestamp: seq,
        level: 'DEBUG',
        stream: 'LOGGER',
        message: lineOf(seq),
      } as const;
      writer.event(event);
    } else writer.lines(random() < 0.7 ? 'STDOUT' : 'STDERR', seq, Buffer.from(text), count);
    seq += count;
    if (random() < 0.8) await writer.flush();
    else await turn();
  }
  await writer.flush();
};

/** Checks that each event follows the one before, and the text of lines. Returns the last seq. */
const checkOn = (events: readonly RunEvent[], position: number): number => {
  let next = position + 1;
  for (const event of events) {
    if (event.seq <= position) continue;
    // An entry can begin before the position, and so can a hole. (Not with `expect`: there are a million events.)
    const whole = Math.max(firstSeqOf(event), position + 1) === next;
    if (!whole) throw new Error(`after seq ${next - 1} comes ${firstSeqOf(event)}`);
    if (event.kind === 'LogLine' && event.message !== lineOf(event.seq)) throw new Error(`seq ${event.seq} is wrong`);
    next = event.seq + 1;
  }
  return next - 1;
};

/** Reads pages of any size from a random position, up to the end of the log, and repeats. */
const readForward = async (runId: RunId, isDone: () => boolean, random: () => number): Promise<number> => {
  const reader = new RedisLogReader(redis);
  let pages = 0;
  while (!isDone()) {
    const known = Number(await redis.hget(recordKey(runId), 'lastSeq'));
    let position = Math.floor(random() * known);
    for (let i = 0; i < 20 && !isDone(); i += 1) {
      const page = await reader.forward(runId, position, 1 + Math.floor(random() * 30));
      position = checkOn(page?.entries.flatMap((entry) => entry.events()) ?? [], position);
      pages += 1;
      await turn();
    }
  }
  return pages;
};

const readBackward = async (runId: RunId, isDone: () => boolean, random: () => number): Promise<number> => {
  const reader = new RedisLogReader(redis);
  let pages = 0;
  while (!isDone()) {
    const known = Number(await redis.hget(recordKey(runId), 'lastSeq'));
    let before = 2 + Math.floor(random() * known);
    while (before > 1 && !isDone()) {
      const page = await reader.backward(runId, before, 1 + Math.floor(random() * 30));
      const events = page?.entries.toReversed().flatMap((entry) => entry.events()) ?? [];
      const first = events[0];
      if (first === undefined || page === null) break;
      const last = checkOn(events, firstSeqOf(first) - 1);
      // All events before `before`, as far as the store goes (it can have lost its tail).
      expect(last).toBeGreaterThanOrEqual(Math.min(before - 1, page.lastSeq));
      before = firstSeqOf(first);
      pages += 1;
      await turn();
    }
  }
  return pages;
};

/** Viewers start at random positions and follow to the end; some are slow. */
const follow = async (runId: RunId, isDone: () => boolean, random: () => number): Promise<number> => {
  const viewers: Promise<void>[] = [];
  while (!isDone() && viewers.length < 10) {
    const known = Number(await redis.hget(recordKey(runId), 'lastSeq'));
    viewers.push(followFrom(runId, Math.floor(random() * known), random() < 0.3));
    for (let i = 0; i < 50 && !isDone(); i += 1) await redis.ping();
  }
  await Promise.all(viewers);
  return viewers.length;
};

const followFrom = async (runId: RunId, after: number, slow: boolean): Promise<void> => {
  const viewer = await hub.open(runId, { after });
  const { signal } = new AbortController();
  let position = after;
  while (position <= LINES) {
    const pull = await nextOf(viewer, signal);
    if (pull === null) throw new Error('the run has ended');
    expect(pull.after).toBe(position);
    position = checkOn(
      pull.entries.flatMap((entry) => entry.events()),
      position,
    );
    expect(pull.lastSeq).toBe(position);
    if (slow) for (let i = 0; i < 30; i += 1) await redis.ping();
  }
  viewer.close();
};

/** Restores the run to an earlier state, again and again, like a Redis that lost its tail. */
const loseTails = async (runId: RunId, isDone: () => boolean, random: () => number): Promise<number> => {
  let losses = 0;
  while (!isDone()) {
    const saved = await redis.multi().dumpBuffer(recordKey(runId)).dumpBuffer(logKey(runId)).exec();
    const [record, log] = (saved ?? []).map(([, value]) => value as Buffer);
    if (record === undefined || log === undefined) throw new Error('the run is gone');
    for (let i = Math.floor(random() * 60); i > 0 && !isDone(); i -= 1) await redis.ping();
    await redis
      .multi()
      .restore(recordKey(runId), 0, record, 'REPLACE')
      .restore(logKey(runId), 0, log, 'REPLACE')
      .exec();
    losses += 1;
    for (let i = 0; i < 200 && !isDone(); i += 1) await redis.ping();
  }
  return losses;
};

const compactedEntries = async (runId: RunId): Promise<number> =>
  (await redis.xrange(logKey(runId), '-', '+')).filter(([id]) => id.endsWith('-1')).length;

test.for([
  { seed: 1, losses: false, maxLogBytes: 2 ** 20 },
  { seed: 2, losses: true, maxLogBytes: 600_000 },
  { seed: 3, losses: false, maxLogBytes: 60_000 },
  { seed: 4, losses: true, maxLogBytes: 60_000 },
  { seed: 5, losses: true, maxLogBytes: 90_000 },
  { seed: 6, losses: false, maxLogBytes: 90_000 },
])(
  'W5d, W9b: readers get every event once during compaction, and bytes are those of the messages: seed $seed, losses $losses, $maxLogBytes bytes',
  async (given) => {
    const { seed, losses, maxLogBytes } = given;
    const runId = await createRun(redis, { maxLogBytes });
    const { writer } = await openWriter(redis, runId);
    let done = false;
    const isDone = (): boolean => done;
    const writing = write(writer, LINES, randomOf(seed)).finally(() => {
      done = true;
    });
    // The last loss can follow the last line. Without this, viewers would wait for it for ever.
    const restore = async (count: number): Promise<number> => {
      writer.restoreLost();
      await writer.flush();
      return count;
    };
    const [, ...others] = await Promise.all([
      writing,
      readForward(runId, isDone, randomOf(seed + 100)),
      readForward(runId, isDone, randomOf(seed + 200)),
      readBackward(runId, isDone, randomOf(seed + 300)),
      follow(runId, isDone, randomOf(seed + 500)),
      losses ? loseTails(runId, isDone, randomOf(seed + 400)).then(restore) : 1,
    ]);
    expect(Math.min(...others)).toBeGreaterThan(0);
    const run = await readRun(redis, runId);
    const events = (await storedEntries(redis, runId)).flatMap((entry) => entry.events());
    expect(checkOn(events, 0)).toBe(LINES + 1);
    const expected = Array.from({ length: LINES }, (_, i) => lineOf(i + 2));
    const bytes = expected.reduce((sum, text) => sum + text.length, 0);
    expect(run).toMatchObject({ lastSeq: LINES + 1, lines: LINES, bytes });
    expect(writer.digest).toBe(digestOf(expected));
    expect(await compactedEntries(runId)).toBeGreaterThan(losses ? 0 : 3);
    const kept = messages(events);
    const holes = events.filter((event) => event.kind === 'LinesDropped');
    expect(run.dropped).toBe(LINES - kept.length);
    if (maxLogBytes > bytes) expect(holes).toHaveLength(0);
    else {
      const keptBytes = kept.reduce((sum, text) => sum + text.length, 0);
      expect(holes).toMatchObject([{ count: run.dropped, droppedBytes: bytes - keptBytes, reason: 'LOG_LIMIT' }]);
      expect(keptBytes).toBeLessThanOrEqual(maxLogBytes);
    }
  },
);

test('W9c: a compaction that Redis refuses is tried once: its entries stay small, and later ones are compacted', async () => {
  const runId = await createRun(redis);
  await redis.acl('SETUSER', 'writer', 'on', '>secret', '~*', '&*', '+@all', '-xrange');
  const asWriter = redis.duplicate({ username: 'writer', password: 'secret' });
  try {
    const { writer } = await openWriter(asWriter, runId);
    let seq = 2;
    const small = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        writer.lines('STDOUT', seq, Buffer.from(`${lineOf(seq)}\n`), 1);
        seq += 1;
        await writer.flush();
      }
    };
    const refusals = async (): Promise<number> => {
      const log = (await redis.call('ACL', 'LOG')) as readonly unknown[];
      return log.reduce<number>(
        (sum, entry) => sum + Number((entry as { count?: unknown }).count ?? (entry as unknown[])[1]),
        0,
      );
    };
    while ((await refusals()) === 0) await small(20);
    await small(50);
    expect(await refusals()).toBe(1);
    expect(await compactedEntries(runId)).toBe(0);
    const refused = seq;
    await redis.acl('SETUSER', 'writer', '+xrange');
    while ((await compactedEntries(runId)) === 0) await small(20);
    const entries = await redis.xrange(logKey(runId), '-', `${refused - 60}-0`);
    expect(entries.every(([id]) => id.endsWith('-0'))).toBe(true);
    expect(
      checkOn(
        (await storedEntries(redis, runId)).flatMap((entry) => entry.events()),
        0,
      ),
    ).toBe(seq - 1);
  } finally {
    asWriter.disconnect();
    await redis.acl('DELUSER', 'writer');
  }
});
