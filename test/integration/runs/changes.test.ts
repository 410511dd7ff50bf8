/** Changes that executors make are announced by the service. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunUpdate } from '../../../src/runs/records/runs.ts';
import { ChangeRelay } from '../../../src/runs/supervision/changes.ts';
import type { Announcements } from '../../../src/wire/announcements.ts';
import { controlChannel, UPDATES_CHANNEL } from '../../../src/wire/keys.ts';
import { createRun } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { openAnnouncements, quiet } from '../../support/runs/runs.ts';

const WAIT = { timeout: 20_000, interval: 20 };
let server: TestRedis;
let redis: Redis;
let announcements: Announcements;
let subscriber: Redis;
let close: () => void;
const announced: RunUpdate[] = [];
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
  const opened = await openAnnouncements(server);
  announcements = opened.announcements;
  subscriber = opened.connection.redis;
  close = () => opened.connection.close();
  const listener = await server.connect();
  listener.on('message', (_channel, text) => announced.push(JSON.parse(text) as RunUpdate));
  await listener.subscribe(UPDATES_CHANNEL);
});
afterAll(async () => {
  close();
  await server.stop();
});

const open = async (runId: RunId, adopts = false): Promise<ChangeRelay> => {
  const relay = new ChangeRelay({ redis, announcements, log: quiet }, runId, adopts);
  // The same subscription: it is confirmed for both.
  const free = await announcements.subscribe(controlChannel(runId), () => undefined);
  free();
  return relay;
};
const newRun = (): Promise<RunId> => createRun(redis, { tenant: 'acme' });
const of = (runId: RunId): RunUpdate[] =>
  announced.filter((update) => update.runId === runId && update.kind !== 'CREATED');
const say = (runId: RunId, message: object): Promise<number> =>
  redis.publish(controlChannel(runId), JSON.stringify(message));
const MISSED = ['STARTING', 'RUNNING'].map((before) =>
  expect.objectContaining({ tenant: 'acme', kind: 'UPDATED', before }),
);

test('R4: the change that an executor announces on its own channel is announced on run_updates, in order', async () => {
  const runId = await newRun();
  await using stack = new AsyncDisposableStack();
  const relay = await open(runId);
  stack.defer(() => relay.end({ atOnce: true }));
  for (const [before, version] of [
    ['STARTING', 3],
    ['RUNNING', 4],
    ['RUNNING', 5],
  ] as const) {
    await say(runId, { runId, kind: 'UPDATED', before, version });
  }
  await vi.waitUntil(() => of(runId).length === 3, WAIT);
  expect(of(runId)).toEqual([
    { runId, tenant: 'acme', kind: 'UPDATED', before: 'STARTING', version: 3 },
    { runId, tenant: 'acme', kind: 'UPDATED', before: 'RUNNING', version: 4 },
    { runId, tenant: 'acme', kind: 'UPDATED', before: 'RUNNING', version: 5 },
  ]);
});

test('R4: what an executor writes there is announced for its own run alone, as a change and nothing else', async () => {
  const [runId, victim] = [await newRun(), await newRun()];
  const relay = await open(runId);
  for (const kind of ['DELETED', 'GREW']) await say(runId, { runId: victim, kind, before: null, version: 1 });
  await redis.publish(controlChannel(runId), 'not JSON');
  await redis.publish(controlChannel(runId), 'null');
  await say(runId, { runId: victim, tenant: 'other', kind: 'UPDATED', before: { evil: 1 }, version: 'x' });
  await relay.end({ atOnce: false });
  await vi.waitUntil(() => of(runId).length > 0, WAIT);
  expect(of(runId)).toEqual([{ runId, tenant: 'acme', kind: 'UPDATED', before: null, version: 0 }]);
  expect(of(victim)).toEqual([]);
});

test('R4: a change that is stored before the supervision ends is announced, however late its message comes', async () => {
  for (let i = 0; i < 20; i += 1) {
    const runId = await newRun();
    const relay = await open(runId);
    void say(runId, { runId, kind: 'UPDATED', before: 'RUNNING', version: 7 });
    await relay.end({ atOnce: false });
    await vi.waitUntil(() => of(runId).length > 0, WAIT);
    expect(of(runId)).toEqual([{ runId, tenant: 'acme', kind: 'UPDATED', before: 'RUNNING', version: 7 }]);
  }
});

test('R4: a supervisor that takes a run over, or lost its connection, announces what it can have missed', async () => {
  const [adopted, followed] = [await newRun(), await newRun()];
  const relays = [await open(adopted, true), await open(followed)];
  await vi.waitUntil(() => of(adopted).length === 2, WAIT);
  expect(of(adopted)).toEqual(MISSED);
  expect(of(followed)).toEqual([]);
  subscriber.disconnect(true);
  await vi.waitUntil(() => of(followed).length === 2, WAIT);
  expect(of(followed)).toEqual(MISSED);
  for (const relay of relays) await relay.end({ atOnce: true });
});
