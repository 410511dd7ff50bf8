import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { claimRun, type RunWriter } from '../../../src/runs/supervision/runWriter.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { loseTail } from '../../support/redis/loseTail.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openApi, quiet, specOf, storedEvents } from '../../support/runs/runs.ts';

let server: TestRedis;
let api: Api;

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server);
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
});

const claim = async (id: RunId): Promise<RunWriter> => {
  const context = { redis: api.redis, signal: AbortSignal.timeout(10_000), log: quiet };
  const claimed = await claimRun(context, id, { attempt: null, statuses: ['PENDING', 'STARTING'] });
  if (claimed.code !== 'OK') throw new Error(claimed.code);
  return claimed.writer;
};
const started = async (): Promise<RunId> => (await api.runs.start({ spec: specOf(), idempotencyKey: null })).id;
const step = (detail: string) => ({ kind: 'ContainerEvent', timestamp: 1, containerEvent: 'CREATED', detail }) as const;
const options = { attempt: 1, changes: {} };

/** Restores the store as if everything after `lastSeq` were lost (a power failure with everysec). */
const cutBack = async (id: RunId, lastSeq: number, term: number): Promise<void> => {
  const lost = await api.redis.xrange(logKey(id), `${lastSeq + 1}-0`, '+');
  await loseTail(api.redis, id, lost.length);
  await api.redis.hset(recordKey(id), 'term', term, 'writer', '', 'status', 'PENDING');
};

test('what Redis lost of this writer is restored under its seqs, with its changes to the record', async () => {
  const id = await started();
  const writer = await claim(id);
  expect(await writer.write([step('a')], { attempt: 1, changes: { status: 'STARTING' } })).toBe('OK');
  expect(await writer.write([step('b'), step('c')], options)).toBe('OK');
  await cutBack(id, 1, 0);
  expect(await writer.write([step('d')], options)).toBe('OK');
  const events = await storedEvents(api.redis, id);
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5]);
  expect(events.slice(1)).toMatchObject(['a', 'b', 'c', 'd'].map((detail) => ({ detail })));
  expect((await api.runs.get(id))?.status).toBe('STARTING');
});

test('W4b: what Redis lost of an earlier writer stays a hole with a LinesDropped, and no other event gets its seqs', async () => {
  const id = await started();
  const first = await claim(id);
  await first.write([step('a')], options);
  const second = await claim(id);
  await second.write([step('b')], options);
  await cutBack(id, 1, 0);
  expect(await second.write([step('c')], options)).toBe('OK');
  const page = await new RedisLogReader(api.redis).forward(id, 0, 10);
  const events = page?.entries.flatMap((entry) => entry.events()) ?? [];
  expect(events.slice(1)).toMatchObject([
    { kind: 'LinesDropped', fromSeq: 2, seq: 2, reason: 'STORE_LOST' },
    { seq: 3, detail: 'b' },
    { seq: 4, detail: 'c' },
  ]);
});

test('W1, W6: a writer whose log another one has claimed is fenced; an end written in ignorance of a cancel gets CANCEL', async () => {
  const id = await started();
  const older = await claim(id);
  const newer = await claim(id);
  expect(await older.write([step('a')], options)).toBe('FENCED');
  await api.redis.hset(recordKey(id), 'cancelRequestedAt', 5);
  expect(await newer.write([step('b')], { ...options, knownCancel: null })).toBe('CANCEL');
  expect(await newer.write([step('b')], { ...options, knownCancel: 5 })).toBe('OK');
  expect((await storedEvents(api.redis, id)).map((event) => event.seq)).toEqual([1, 2]);
  await api.redis.del(recordKey(id));
  expect(await newer.write([step('c')], options)).toBe('GONE');
});
