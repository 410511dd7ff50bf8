import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { ApiTokens, REVOKED_CHANNEL } from '../../../src/identity/apiTokens.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

let server: TestRedis;
let redis: Redis;
let tokens: ApiTokens;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url.replace('unix://', ''));
  tokens = new ApiTokens(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.[Symbol.asyncDispose]();
});

const other: Caller = { ...LOCAL_ADMIN, tenant: 'other' };
const asked = (name: string, expiresAt: number | null = null) => ({ name, scopes: ['runs:start'] as const, expiresAt });

test('a token is found by its text until it expires or is revoked, and its text is stored nowhere', async () => {
  const { token, apiToken } = await tokens.create(LOCAL_ADMIN, asked('ci'));
  expect(await tokens.find(token)).toMatchObject({ ...apiToken, lastUsedAt: null });
  expect((await tokens.find(token))?.lastUsedAt).toBeGreaterThan(0);
  await expect(tokens.find(`${token.slice(0, -1)}x`)).rejects.toMatchObject({ fault: 'invalid' });
  const keys = await redis.keys('*');
  const values = await Promise.all(keys.map((key) => redis.dump(key)));
  expect(JSON.stringify([keys, values])).not.toContain(token.slice(3));

  const gone = await tokens.create(LOCAL_ADMIN, asked('old', Date.now() - 1));
  await expect(tokens.find(gone.token)).rejects.toMatchObject({ fault: 'expired' });

  const heard: string[] = [];
  const subscriber = redis.duplicate();
  await subscriber.subscribe(REVOKED_CHANNEL);
  subscriber.on('message', (_channel, id) => heard.push(id));
  expect((await tokens.revoke(LOCAL_ADMIN, apiToken.id)).revokedAt).toBeGreaterThan(0);
  await expect.poll(() => heard).toEqual([apiToken.id]);
  subscriber.disconnect();
  await expect(tokens.find(token)).rejects.toMatchObject({ fault: 'invalid' });
  expect(await tokens.areValid([apiToken.id, 'unknown'])).toEqual([false, false]);
  expect((await tokens.revoke(LOCAL_ADMIN, apiToken.id)).revokedAt).toBeGreaterThan(0);
});

test('a tenant sees and revokes its own tokens alone', async () => {
  const mine = await tokens.create(other, asked('mine'));
  await expect(tokens.revoke(LOCAL_ADMIN, mine.apiToken.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const page = await tokens.page(other, 10, null);
  expect(page.tokens.map(({ name }) => name)).toEqual(['mine']);
  expect((await tokens.page(LOCAL_ADMIN, 10, null)).tokens.map(({ name }) => name)).not.toContain('mine');
});

test('pages walk from the newest token to the oldest', async () => {
  const caller: Caller = { ...LOCAL_ADMIN, tenant: 'pages' };
  for (let i = 0; i < 5; i += 1) await tokens.create(caller, asked(String(i)));
  const first = await tokens.page(caller, 2, null);
  const second = await tokens.page(caller, 3, first.tokens.at(-1)?.id ?? null);
  expect(first.hasNext).toBe(true);
  expect(second.hasNext).toBe(false);
  expect([...first.tokens, ...second.tokens].length).toBe(5);
  expect(new Set([...first.tokens, ...second.tokens].map(({ name }) => name)).size).toBe(5);
});
