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

test('S11g: a tenant has at most so many tokens; beyond it the oldest that is not valid any more makes room, else it is refused', async () => {
  const [full, free] = [
    { ...LOCAL_ADMIN, tenant: 'full' },
    { ...LOCAL_ADMIN, tenant: 'free' },
  ];
  const bounded = new ApiTokens(redis, 3);
  const made = [];
  for (const name of ['one', 'two', 'three']) made.push(await bounded.create(full, asked(name)));
  const refused = bounded.create(full, asked('four'));
  await expect(refused).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', retryAfterSeconds: null });
  await bounded.create(free, asked('another tenant'));
  const [one, two, three] = made;
  for (const token of [two, one]) await bounded.revoke(full, token?.apiToken.id ?? '');
  const four = await bounded.create(full, asked('four'));
  const names = async () => (await bounded.page(full, 10, null)).tokens.map(({ name }) => name);
  expect(await names()).toEqual(['four', 'three', 'two']);
  const five = await bounded.create(full, asked('five'));
  await expect(bounded.create(full, asked('six'))).rejects.toThrow('Your tenant has 3 API tokens');
  expect(await names()).toEqual(['five', 'four', 'three']);
  for (const token of [three, four, five]) await bounded.find(token?.token ?? '');
  expect(await redis.zcard('runloom:tokens:full')).toBe(3);
  expect(await redis.keys(`*${one?.apiToken.id}*`)).toEqual([]);
});

test('T9c: a token of an identity provider can make a lasting API token; an API token that expires cannot', async () => {
  const provider: Caller = { ...other, subject: 'ada', expiresAt: Date.now() + 60_000 };
  const { apiToken } = await tokens.create(provider, asked('lasting'));
  expect(apiToken).toMatchObject({ expiresAt: null, createdBy: 'ada' });
  const program: Caller = { ...provider, apiTokenId: apiToken.id };
  expect((await tokens.create(program, asked('shorter'))).apiToken.expiresAt).toBe(program.expiresAt);
});
