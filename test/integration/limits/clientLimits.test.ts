/** ClientLimits on a real Redis, as two processes of the service use it. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { LimitExceeded, ShareUsedUp } from '../../../src/domain/errors.ts';
import { ClientLimits } from '../../../src/limits/clientLimits.ts';
import { type LimitSettings, NO_LIMITS } from '../../../src/limits/limitSettings.ts';
import type { Client } from '../../../src/limits/who.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { until } from '../../support/runs/runs.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

let made = 0;
/** Nobody else's names. */
const somebody = (): Client => {
  made += 1;
  return { address: `10.0.0.${made}`, caller: `caller-${made}` };
};

const open = async (more: Partial<LimitSettings>, on: TestRedis = server): Promise<ClientLimits> => {
  made += 1;
  const redis = await on.connect();
  const limits = new ClientLimits({ redis, settings: { ...NO_LIMITS, ...more }, instance: `process-${made}` });
  onTestFinished(async () => {
    await limits[Symbol.asyncDispose]();
    redis.disconnect();
  });
  return limits;
};

const refusal = async (work: () => unknown): Promise<ShareUsedUp | null> => {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof ShareUsedUp) return error;
    throw error;
  }
};

test.each([
  ['caller', { caller: 3, address: 0 }, ({ caller }: Client): Client => ({ ...somebody(), caller })],
  ['address', { caller: 0, address: 3 }, ({ address }: Client): Client => ({ ...somebody(), address })],
] as const)(
  'two processes together start as many runs a minute for one %s as the limit allows',
  async (_w, most, again) => {
    const [one, other] = [await open({ startsPerMinute: most }), await open({ startsPerMinute: most })];
    const client = somebody();
    const tries = [one, other, one, other, one].map((limits) => refusal(() => limits.start(again(client))));
    const refused = (await Promise.all(tries)).filter((error) => error !== null);
    expect(refused).toHaveLength(2);
    for (const { retryAfterSeconds, message } of refused) {
      expect(retryAfterSeconds).toBeGreaterThan(0);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
      expect(message).toMatch(/at most 3 a minute \(LIMIT_STARTS_PER_MINUTE\w*\)\. Try again in \d+ s\.$/);
    }
    expect(await refusal(() => one.start(somebody()))).toBeNull();
  },
);

test('0 turns every limit off', async () => {
  const limits = await open({});
  const client = somebody();
  for (let i = 0; i < 2000; i += 1) {
    expect(limits.message(client, 1e6)).toBe(0);
    limits.document(client, 1e9);
  }
  await Promise.all(Array.from({ length: 100 }, () => limits.start(client)));
  await Promise.all(Array.from({ length: 100 }, () => limits.socket(client)));
  for (let i = 0; i < 100; i += 1) expect(await limits.logins.wrong(client.address, `wrong ${i}`)).toBe(0);
  expect(limits.logins.waitMs(client.address, 'wrong 1')).toBe(0);
});

test('messages are counted over processes, and 4 KiB of one count as one more', async () => {
  const messagesPerSecond = { caller: 0, address: 10 };
  const [one, other] = [await open({ messagesPerSecond }), await open({ messagesPerSecond })];
  const client = somebody();
  // 100 in ten seconds: the first process takes them all.
  for (let i = 0; i < 4; i += 1) expect(one.message(client, 24 * 4096)).toBe(0);
  const waits = await until(
    async () => [one.message(client, 0), other.message(client, 0)],
    (found) => found.every((ms) => ms > 0),
  );
  for (const ms of waits) expect(ms).toBeLessThanOrEqual(10_000);
  expect(one.message(somebody(), 0)).toBe(0);
});

test('a client that sends more than its limit before Redis has answered is stopped at twice the limit', async () => {
  const limits = await open({ messagesPerSecond: { caller: 10, address: 0 } });
  const client = somebody();
  let passed = 0;
  for (let i = 0; i < 1000; i += 1) if (limits.message(client, 0) === 0) passed += 1;
  expect(passed).toBeLessThanOrEqual(200);
});

test('a document over the bound is refused for good, and documents that cost too much together for some time', async () => {
  const limits = await open({ documentCost: 100, costPerMinute: { caller: 1000, address: 0 } });
  const client = somebody();
  expect(() => limits.document(client, 101)).toThrow(LimitExceeded);
  const refused = await until(
    () => refusal(() => limits.document(client, 100)),
    (error) => error !== null,
  );
  expect(refused?.retryAfterSeconds).toBeLessThanOrEqual(60);
});

test.each(['socket', 'subscription'] as const)(
  'two processes together hold as many %ss of one caller as the limit allows, and a freed place can be taken again',
  async (what) => {
    const most = { socketsPerCaller: 5, subscriptionsPerCaller: 5 };
    const [one, other] = [await open(most), await open(most)];
    const client = somebody();
    const takes = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? one : other)[what](client));
    const settled = await Promise.allSettled(takes);
    const taken = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(taken).toHaveLength(5);
    expect((await refusal(() => one[what](client)))?.retryAfterSeconds).toBe(5);
    expect(await refusal(() => one[what](somebody()))).toBeNull();
    taken[0]?.();
    taken[0]?.();
    await until(
      () => refusal(() => other[what](client)),
      (error) => error === null,
    );
    expect(await refusal(() => one[what](client))).not.toBeNull();
  },
);

test('places that are taken while Redis is being asked for others are found too', async () => {
  const limits = await open({ socketsPerCaller: 50 });
  const client = somebody();
  const taking: Promise<unknown>[] = [];
  for (let i = 0; i < 50; i += 1) {
    taking.push(limits.socket(client) ?? Promise.resolve());
    for (let turns = 0; turns < i % 4; turns += 1) await Promise.resolve();
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(taking);
  expect(await refusal(() => limits.socket(client))).not.toBeNull();
});

test('places of a large limit are reserved some at a time, and returned when they are not needed', async () => {
  const [one, other] = [await open({ socketsPerCaller: 1000 }), await open({ socketsPerCaller: 1000 })];
  const client = somebody();
  const places = await Promise.all(Array.from({ length: 995 }, () => one.socket(client)));
  expect(await refusal(() => other.socket(client))).not.toBeNull();
  for (const free of places) free?.();
  await until(
    () => refusal(() => other.socket(client)),
    (error) => error === null,
  );
});

test('while Redis is away each process counts for itself, and nobody waits', async () => {
  await using away = await startRedis();
  const limits = await open(
    { startsPerMinute: { caller: 3, address: 0 }, socketsPerCaller: 3, messagesPerSecond: { caller: 10, address: 0 } },
    away,
  );
  await away.stop();
  const client = somebody();
  for (let i = 0; i < 3; i += 1) expect(await refusal(() => limits.start(client))).toBeNull();
  expect(await refusal(() => limits.start(client))).not.toBeNull();
  for (let i = 0; i < 3; i += 1) await limits.socket(client);
  expect(await refusal(() => limits.socket(client))).not.toBeNull();
  await until(
    async () => limits.message(client, 4096),
    (ms) => ms > 0,
  );
});

test('wrong tokens of an address are limited; the same token again, and tokens that were right, are not counted', async () => {
  const { logins } = await open({ failedLoginsPerMinute: 3 });
  const { address } = somebody();
  logins.right('known');
  for (let i = 0; i < 50; i += 1) expect(await logins.wrong(address, 'old')).toBe(0);
  for (let i = 0; i < 2; i += 1) expect(await logins.wrong(address, `guess ${i}`)).toBe(0);
  expect(logins.waitMs(address, 'guess')).toBe(0);
  const waitMs = await logins.wrong(address, 'one too many');
  expect(waitMs).toBeGreaterThan(0);
  expect(waitMs).toBeLessThanOrEqual(60_000);
  expect(logins.waitMs(address, 'known')).toBe(0);
  expect(logins.waitMs(address, 'old')).toBeGreaterThan(0);
  // A new client behind the same address: some unknown tokens are checked all the same.
  expect(logins.waitMs(address, 'new')).toBe(0);
  const unchecked = Array.from({ length: 100 }, (_, i) => logins.waitMs(address, `more ${i}`)).filter((ms) => ms > 0);
  expect(unchecked.length).toBeGreaterThan(50);
  expect(logins.waitMs(somebody().address, 'guess')).toBe(0);
});
