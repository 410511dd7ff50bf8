import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { type Caller, LOCAL_ADMIN, type Scope } from '../../../src/domain/caller.ts';
import { newRunId } from '../../../src/domain/ids.ts';
import { isApiToken, newApiToken } from '../../../src/identity/apiToken.ts';
import { ProviderTokens } from '../../../src/identity/providerTokens.ts';
import { isRunToken, RunTokens } from '../../../src/identity/runTokens.ts';

const DAY_MS = 86_400_000;
const master = randomBytes(32);
const runTokens = new RunTokens(master, 'here');
const [one, two] = [newRunId(), newRunId()];
const wanted = (scopes: Scope[], seconds = 900) => ({
  runIds: [one, two],
  scopes: new Set(scopes),
  expiresInSeconds: seconds,
});

test('an API token has a checksum that finds every wrong digit', () => {
  const token = newApiToken();
  expect(token).toMatch(/^rl_[0-9A-Za-z]{49}$/);
  expect(isApiToken(token)).toBe(true);
  for (let at = 3; at < token.length; at += 1) {
    const other = token[at] === 'a' ? 'b' : 'a';
    expect(isApiToken(`${token.slice(0, at)}${other}${token.slice(at + 1)}`)).toBe(false);
  }
  expect(new Set(Array.from({ length: 1000 }, newApiToken)).size).toBe(1000);
});

test('a run token gives its runs and scopes, and no scope that its maker lacks', async () => {
  const maker: Caller = { ...LOCAL_ADMIN, subject: 'backend', tenant: 'acme', scopes: new Set(['logs:read']) };
  const { token, expiresAt } = await runTokens.sign(maker, wanted(['logs:read', 'runs:delete']));
  expect(isRunToken(token)).toBe(true);
  const caller = await runTokens.verify(token);
  expect(caller).toEqual({
    subject: 'backend',
    tenant: 'acme',
    scopes: new Set(['logs:read']),
    runs: new Set([one, two]),
    expiresAt,
    apiTokenId: null,
  });
});

test('a run token outlives neither its time, its maker nor its key', async () => {
  const now = Date.now();
  const { token } = await runTokens.sign(LOCAL_ADMIN, wanted(['logs:read'], 60), now);
  await expect(runTokens.verify(token, now + 61_000)).rejects.toMatchObject({ fault: 'expired' });
  const ending: Caller = { ...LOCAL_ADMIN, expiresAt: now + 10_000 };
  const short = await runTokens.sign(ending, wanted(['logs:read'], 900), now);
  expect(short.expiresAt).toBeLessThanOrEqual(now + 10_000);
  const long = await runTokens.sign(LOCAL_ADMIN, wanted(['logs:read'], 86_400), now);
  await runTokens.verify(long.token, now + DAY_MS - 2000);
  await expect(runTokens.verify(long.token, now + 2 * DAY_MS)).rejects.toThrow();
});

test('a run token is refused by another installation, another master key, and if it is changed', async () => {
  const { token } = await runTokens.sign(LOCAL_ADMIN, wanted(['logs:read']));
  await expect(new RunTokens(master, 'elsewhere').verify(token)).rejects.toMatchObject({
    reason: expect.stringContaining('aud'),
  });
  await expect(new RunTokens(randomBytes(32), 'here').verify(token)).rejects.toMatchObject({
    reason: expect.stringContaining('signature'),
  });
  const [head = '', body = '', mark = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, scope: 'admin' })).toString('base64url');
  const none = Buffer.from(JSON.stringify({ alg: 'none', kid: claims.kid, typ: 'runloom-run+jwt' })).toString(
    'base64url',
  );
  for (const bad of [`${head}.${forged}.${mark}`, `${none}.${body}.`, `${none}.${body}.${mark}`, `${head}.${body}.`]) {
    await expect(runTokens.verify(bad)).rejects.toThrow();
  }
});

const ISSUED = { issuer: 'https://issuer.example', audience: 'runloom', tenantClaim: 'tenant', scopesClaim: 'scope' };
const seconds = (): number => Math.floor(Date.now() / 1000);
const claims = (more: object = {}) => ({
  iss: ISSUED.issuer,
  aud: 'runloom',
  sub: 'ada',
  tenant: 'acme',
  scope: 'runs:read logs:read unknown',
  iat: seconds(),
  exp: seconds() + 60,
  ...more,
});

test('a token of the provider gives subject, tenant and the scopes that are known', async () => {
  const secret = randomBytes(32);
  const provider = new ProviderTokens({ ...ISSUED, key: { kind: 'secret', bytes: secret } });
  const sign = (more?: object) => new SignJWT(claims(more)).setProtectedHeader({ alg: 'HS256' }).sign(secret);
  expect(await provider.verify(await sign())).toMatchObject({
    subject: 'ada',
    tenant: 'acme',
    scopes: new Set(['runs:read', 'logs:read']),
  });
  expect((await provider.verify(await sign({ scope: ['admin'] }))).scopes).toEqual(new Set(['admin']));
  for (const wrong of [
    { iss: 'https://other.example' },
    { aud: 'other' },
    { exp: seconds() - 31 },
    { exp: undefined },
    { sub: undefined },
    { tenant: undefined },
    { nbf: seconds() + 60 },
    { iat: seconds() + 60 },
  ]) {
    await expect(provider.verify(await sign(wrong)), JSON.stringify(wrong)).rejects.toThrow();
  }
  // What is opened with a token that is in the tolerance of clocks ends with the tolerance; else at the expiry.
  const [past, future] = [seconds() - 5, seconds() + 60];
  expect(await provider.verify(await sign({ exp: past }))).toMatchObject({ expiresAt: (past + 30) * 1000 });
  expect(await provider.verify(await sign({ exp: future }))).toMatchObject({ expiresAt: future * 1000 });
  expect(await provider.verify(await sign({ exp: 1e300 }))).toMatchObject({ expiresAt: 8.64e15 });
});

test('keys of a JWKS address are fetched, kept, and fetched again when they rotate; a secret as algorithm is refused', async () => {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = [pair(), pair()];
  let served = [0];
  let fetched = 0;
  const server = createServer(async (_request, response) => {
    fetched += 1;
    const jwks = await Promise.all(
      served.map(async (at) => ({ ...(await exportJWK(keys[at]?.publicKey as never)), kid: String(at), alg: 'ES256' })),
    );
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  const provider = new ProviderTokens({ ...ISSUED, key: { kind: 'jwks', url } });
  const sign = (at: number) =>
    new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: String(at) }).sign(keys[at]?.privateKey as never);
  for (let i = 0; i < 3; i += 1) expect(await provider.verify(await sign(0))).toMatchObject({ subject: 'ada' });
  expect(fetched).toBe(1);
  const secretSigned = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: '0' }).sign(randomBytes(32));
  await expect(provider.verify(secretSigned)).rejects.toThrow();
  served = [0, 1];
  await expect(provider.verify(await sign(1))).rejects.toMatchObject({
    reason: expect.stringContaining('no applicable key'),
  });
});

test('while the provider does not answer no token is accepted, and the answer is that it is away', async () => {
  const provider = new ProviderTokens({ ...ISSUED, key: { kind: 'jwks', url: new URL('http://127.0.0.1:9/jwks') } });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: '0' }).sign(privateKey);
  await expect(provider.verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
