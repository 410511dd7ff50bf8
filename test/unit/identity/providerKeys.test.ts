/** Keys of an identity provider, from a real HTTP server; the clock is the test's. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ProviderTokens } from '../../../src/identity/providerTokens.ts';

const ISSUED = { issuer: 'https://issuer.example', audience: 'runloom', tenantClaim: 'tenant', scopesClaim: 'scope' };
const MINUTE_MS = 60_000;
const names = ['one', 'two', 'forged'] as const;
type Name = (typeof names)[number];
const pairs = Object.fromEntries(
  names.map((name) => [name, generateKeyPairSync('ec', { namedCurve: 'P-256' })]),
) as Record<Name, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>;

type Answer = (keys: string) => { readonly status: number; readonly body: string };
/** What the provider answers, and how often it was asked. */
let served: readonly Name[] = [];
let answer: Answer | null = null;
let fetched = 0;
const server = createServer((_request, response) => {
  fetched += 1;
  const keys = served.map(async (kid) => ({ ...(await exportJWK(pairs[kid].publicKey)), kid }));
  void Promise.all(keys).then((list) => {
    const body = JSON.stringify({ keys: list });
    const { status, body: sent } = answer?.(body) ?? { status: 200, body };
    response.writeHead(status, { location: '/elsewhere' }).end(sent);
  });
});
let provider: ProviderTokens;
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => server.close());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  [served, answer, fetched] = [['one'], null, 0];
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  provider = new ProviderTokens({ ...ISSUED, key: { kind: 'jwks', url } });
});
afterEach(() => {
  vi.useRealTimers();
});

const sign = (name: Name, kid: string = name): Promise<string> => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUED.issuer, aud: 'runloom', sub: 'ada', tenant: 'acme', scope: 'admin', exp: now + 600 };
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(pairs[name].privateKey);
};
const verify = async (name: Name, kid: string = name): Promise<string> =>
  await provider.verify(await sign(name, kid)).then(
    ({ subject }) => subject,
    ({ code }: { readonly code: string }) => code,
  );
const UNAVAILABLE = 'UNAVAILABLE';
const REFUSED = 'UNAUTHENTICATED';

test('keys are fetched once for many tokens at the same time, and then kept', async () => {
  expect(await Promise.all(Array.from({ length: 20 }, () => verify('one')))).toEqual(Array(20).fill('ada'));
  expect(await verify('one')).toBe('ada');
  expect(fetched).toBe(1);
});

test('a key that the provider has added is fetched at its first token, but not more than once in ten seconds', async () => {
  expect(await verify('one')).toBe('ada');
  served = ['one', 'two'];
  for (let i = 0; i < 50; i += 1) expect(await verify('forged', `../${i}`)).toBe(REFUSED);
  expect(fetched).toBe(1);
  vi.advanceTimersByTime(11_000);
  expect(await verify('two')).toBe('ada');
  expect(fetched).toBe(2);
  for (let i = 0; i < 50; i += 1) expect(await verify('forged', `${i}`)).toBe(REFUSED);
  expect(fetched).toBe(2);
  expect(await verify('forged', 'two')).toBe(REFUSED);
});

test('a key that the provider has removed is refused once the keys have been fetched again, after ten minutes', async () => {
  served = ['one', 'two'];
  expect(await verify('two')).toBe('ada');
  served = ['one'];
  vi.advanceTimersByTime(11 * MINUTE_MS);
  await verify('one');
  await expect.poll(() => fetched).toBe(2);
  await expect.poll(() => verify('two')).toBe(REFUSED);
});

test('while the provider is away, known keys are used for an hour, and then nobody is let in', async () => {
  expect(await verify('one')).toBe('ada');
  answer = () => ({ status: 503, body: '' });
  for (const minutes of [11, 20, 28]) {
    vi.advanceTimersByTime(minutes * MINUTE_MS);
    expect(await verify('one')).toBe('ada');
  }
  vi.advanceTimersByTime(2 * MINUTE_MS);
  expect(await verify('one')).toBe(UNAVAILABLE);
  answer = null;
  vi.advanceTimersByTime(2000);
  expect(await verify('one')).toBe('ada');
});

test.each<[string, Answer]>([
  ['an error', (body) => ({ status: 500, body })],
  ['a redirect', (body) => ({ status: 302, body })],
  ['no JSON', () => ({ status: 200, body: '<html>' })],
  ['no key set', () => ({ status: 200, body: '{"keys":{}}' })],
])(
  'a cold start lets nobody in while the provider answers with %s, and asks again within a second',
  async (_, wrong) => {
    answer = wrong;
    expect(await verify('one')).toBe(UNAVAILABLE);
    expect(await verify('forged')).toBe(UNAVAILABLE);
    expect(fetched).toBe(1);
    answer = null;
    vi.advanceTimersByTime(1001);
    expect(await verify('one')).toBe('ada');
  },
);

test('a secret in the key set is no key: HS256 stays refused', async () => {
  answer = (body) => ({
    status: 200,
    body: body.replace('[', '[{"kty":"oct","k":"c2VjcmV0","kid":"s","alg":"HS256"},'),
  });
  const token = await new SignJWT({ sub: 'ada' })
    .setProtectedHeader({ alg: 'HS256', kid: 's' })
    .sign(Buffer.from('secret'));
  await expect(provider.verify(token)).rejects.toMatchObject({ code: REFUSED });
  expect(await verify('one')).toBe('ada');
});
