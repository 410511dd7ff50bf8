/** Who is let in, from outside: a real service with AUTH=tokens,jwt, over every transport. */
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOCAL_ADMIN } from '../../src/domain/caller.ts';
import { newRunId } from '../../src/domain/ids.ts';
import { hashOfToken, newApiToken } from '../../src/identity/apiToken.ts';
import { ApiTokens, REVOKED_CHANNEL } from '../../src/identity/apiTokens.ts';
import { RunTokens } from '../../src/identity/runTokens.ts';
import { installationId } from '../../src/runs/records/installation.ts';
import { EventReader } from '../support/clients/eventStream.ts';
import { RawSocket, rawHttp } from '../support/clients/http.ts';
import { now } from '../support/identity.ts';
import { createRun } from '../support/log.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const ADMIN_TOKEN = 'admin-token-of-the-first-day!"§'.replace('§', '$').padEnd(40, 'x');
const SECRETS_KEY = Buffer.alloc(32, 7);
const ISSUER = 'https://issuer.example';
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let redis: TestRedis;
let connection: Redis;
let apiTokens: ApiTokens;
let data: DataDirectory;
let provider: Server;
let service: StartedService;
let url: string;
let runId: string;
const valid: Record<string, string> = {};
const invalid: Record<string, string> = {};
const expired: Record<string, string> = {};

const claims = (more: Readonly<Record<string, unknown>> = {}) => ({
  ...{ iss: ISSUER, aud: ['other', 'runloom'], sub: 'ada', realm: { org: 'acme' }, roles: ['admin'] },
  ...{ iat: Math.floor(now()), exp: Math.floor(now()) + 600 },
  ...more,
});
type Header = Readonly<Record<string, unknown>>;
const sign = (more: Header = {}, header: Header = {}, key: Parameters<SignJWT['sign']>[0] = privateKey) =>
  new SignJWT(claims(more)).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key);

const makeTokens = async (): Promise<void> => {
  const runTokens = new RunTokens(SECRETS_KEY, await installationId(connection));
  const make = (expiresAt: number | null) =>
    apiTokens.create(LOCAL_ADMIN, { name: 'ci', scopes: ['admin'], expiresAt });
  const runs = { runIds: [newRunId()], scopes: new Set(['logs:read'] as const), expiresInSeconds: 60 };
  const revoked = await make(null);
  await apiTokens.revoke(LOCAL_ADMIN, revoked.apiToken.id);
  const api = (await make(null)).token;
  const run = (await runTokens.sign(LOCAL_ADMIN, runs)).token;
  const [head = '', body = '', mark = ''] = run.split('.');
  const none = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(head, 'base64url').toString()), alg: 'none' }));
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const own = { kty: 'RSA', ...publicKey.export({ format: 'jwk' }) };
  Object.assign(valid, { admin: ADMIN_TOKEN, api, run, provider: await sign() });
  Object.assign(valid, {
    'with a list of one tenant and a text of scopes': await sign({ realm: { org: ['acme'] }, roles: 'admin x' }),
    PS512: await sign({}, { alg: 'PS512' }),
  });
  Object.assign(expired, {
    'API token': (await make(Date.now() - 1)).token,
    'run token': (await runTokens.sign(LOCAL_ADMIN, runs, Date.now() - 61_000)).token,
    'token of the provider': await sign({ exp: Math.floor(now()) - 31 }),
  });
  Object.assign(invalid, {
    'an unknown text': 'x'.repeat(40),
    'half of ADMIN_TOKEN': ADMIN_TOKEN.slice(0, 20),
    'an API token that does not exist': newApiToken(),
    'an API token with a wrong digit': `${api.slice(0, -1)}${api.endsWith('a') ? 'b' : 'a'}`,
    'a revoked API token': revoked.token,
    'the hash of an API token': 'a'.repeat(64),
    'a run token without a signature': `${none.toString('base64url')}.${body}.`,
    'a run token with other claims': `${head}.${Buffer.from('{"exp":9e9}').toString('base64url')}.${mark}`,
    'a run token of another installation': (await new RunTokens(SECRETS_KEY, 'elsewhere').sign(LOCAL_ADMIN, runs))
      .token,
    'alg=none': new UnsecuredJWT(claims()).encode(),
    'HS256 with the public key as secret': await sign({}, { alg: 'HS256' }, Buffer.from(pem)),
    'another key': await sign({}, {}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    'a key in the token': await sign({}, { jwk: own, kid: 'mine' }),
    'an address of keys in the token': await sign({}, { jku: 'http://127.0.0.1:9/', kid: 'mine' }),
    'a path as kid': await sign({}, { kid: '../../../../dev/null' }),
    'an unknown critical header': await sign({}, { crit: ['x'], x: 1 }).catch(() => 'x.y.z'),
    'another issuer': await sign({ iss: `${ISSUER}/` }),
    'another audience': await sign({ aud: ['runloom2'] }),
    'no audience': await sign({ aud: undefined }),
    'no expiry': await sign({ exp: undefined }),
    'an expiry that is a text': await sign({ exp: '9999999999' }),
    'not before the future': await sign({ nbf: Math.floor(now()) + 120 }),
    'issued in the future': await sign({ iat: Math.floor(now()) + 120 }),
    'no subject': await sign({ sub: undefined }),
    'an empty subject': await sign({ sub: '' }),
    'no tenant': await sign({ realm: undefined, constructor: { org: 'acme' } }),
    'two tenants': await sign({ realm: { org: ['acme', 'default'] } }),
    'a tenant that is a number': await sign({ realm: { org: 7 } }),
    'a very long token': 'x'.repeat(9000),
  });
};

beforeAll(async () => {
  redis = await startRedis();
  connection = await redis.connect();
  apiTokens = new ApiTokens(connection);
  data = await dataDirectory();
  provider = createServer((_request, response) => {
    void exportJWK(publicKey).then((jwk) => response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'one' }] })));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  service = spawnService({
    env: {
      ...{ DATA_DIR: data.path, REDIS_URL: redis.url, SECRETS_KEY: SECRETS_KEY.toString('base64') },
      ...{ AUTH: 'tokens,jwt', ADMIN_TOKEN, JWT_ISSUER: ISSUER, JWT_AUDIENCE: 'runloom', LOG_LEVEL: 'trace' },
      ...{ JWT_JWKS_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks` },
      ...{ JWT_TENANT_CLAIM: 'realm.org', JWT_SCOPES_CLAIM: 'roles' },
    },
  });
  url = await service.address();
  runId = await createRun(connection);
  await makeTokens();
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  provider?.close();
  await data?.[Symbol.asyncDispose]();
  await redis?.stop();
});

interface Asked {
  readonly status: number;
  readonly challenge: string | null;
  readonly code: string | undefined;
}
const ask = async (path: string, authorization: string | null, init: RequestInit = {}): Promise<Asked> => {
  const headers = { ...init.headers, ...(authorization === null ? {} : { authorization }) };
  const gone = new AbortController();
  const response = await fetch(`${url}${path}`, { ...init, headers, signal: gone.signal });
  const { status } = response;
  const code = status === 200 ? undefined : /"code":"(\w+)"/.exec(await response.text())?.[1];
  gone.abort();
  return { status, challenge: response.headers.get('www-authenticate'), code };
};
const JSON_TYPE = { 'content-type': 'application/json' };
const SUBSCRIPTION = 'subscription { runsUpdated { kind } }';
/** Each kind of request that needs a caller. */
const requests: Readonly<Record<string, (authorization: string | null) => Promise<Asked>>> = {
  POST: (token) =>
    ask('/graphql', token, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ query: '{ __typename }' }) }),
  GET: (token) => ask('/graphql?query={__typename}', token),
  SSE: (token) =>
    ask(`/graphql?query=${encodeURIComponent(SUBSCRIPTION)}`, token, { headers: { accept: 'text/event-stream' } }),
  'log.txt': (token) => ask(`/runs/${runId}/log.txt`, token),
  'log.ndjson': (token) => ask(`/runs/${runId}/log.ndjson`, token),
};
const UNAUTHENTICATED: Asked = { status: 401, challenge: 'Bearer', code: 'UNAUTHENTICATED' };

/** `ack`, or code and reason of the close. */
const socketWith = async (payload: unknown, headers: Record<string, string> = {}): Promise<string> => {
  await using socket = await new RawSocket(url, { headers }).opened();
  socket.send({ type: 'connection_init', ...(payload === undefined ? {} : { payload }) });
  const acknowledged = socket.until(({ type }) => type === 'connection_ack').then(() => 'ack');
  const closed = socket.closed.then(({ code, reason }) => `${code} ${reason}`);
  return await Promise.race([closed, acknowledged.catch(() => closed)]);
};
const UNAUTHORIZED = '4401 Unauthorized';

test('I1: a valid token of every kind is accepted, over HTTP, as event stream and on a WebSocket', async () => {
  for (const [kind, token] of Object.entries(valid)) {
    for (const scheme of ['Bearer', 'bearer', 'BEARER  ']) {
      expect([kind, await requests.POST?.(`${scheme} ${token}`)]).toMatchObject([kind, { status: 200 }]);
    }
    expect([kind, await requests.GET?.(`Bearer ${token}`)]).toMatchObject([kind, { status: 200 }]);
    expect([kind, await socketWith({ authorization: `Bearer ${token}` })]).toEqual([kind, 'ack']);
  }
  const tolerated = await sign({ exp: Math.floor(now()) - 1, iat: Math.floor(now()) + 5 });
  expect(await socketWith({ authorization: `Bearer ${tolerated}` })).toBe('ack');
  for (const [request, send] of Object.entries(requests)) {
    expect([request, await send(`Bearer ${ADMIN_TOKEN}`)]).toMatchObject([request, { status: 200 }]);
  }
});

test('I1: a WebSocket takes the token from connectionParams, else from the map of headers, else from the upgrade', async () => {
  const good = `Bearer ${ADMIN_TOKEN}`;
  const bad = 'Bearer wrong';
  expect(await socketWith({ Authorization: good })).toBe('ack');
  expect(await socketWith({ AUTHORIZATION: good, headers: { authorization: bad } }, { authorization: bad })).toBe(
    'ack',
  );
  expect(await socketWith({ authorization: good, Authorization: bad })).toBe('ack');
  expect(await socketWith({ authorization: bad, headers: { authorization: good } })).toBe(UNAUTHORIZED);
  expect(await socketWith({ headers: { Authorization: good } }, { authorization: bad })).toBe('ack');
  expect(await socketWith({ authorization: '', headers: {} }, { authorization: good })).toBe('ack');
  expect(await socketWith(undefined, { authorization: good })).toBe('ack');
  for (const authorization of [7, [good], { good }, true]) {
    expect(await socketWith({ authorization }, { authorization: good })).toBe(UNAUTHORIZED);
  }
});

test('I1a: health checks, pages and preflight requests need no token; the pages show nothing', async () => {
  for (const path of ['/health/live', '/health/ready']) expect((await ask(path, 'Bearer wrong')).status).toBe(200);
  expect(await ask('/graphql', null, { headers: { accept: 'text/html' } })).toMatchObject({ status: 200 });
  // The viewer, where it has been built.
  expect((await ask('/', null, { redirect: 'manual' })).status).not.toBe(401);
  expect(await ask('/graphql', null, { method: 'OPTIONS', headers: { origin: url } })).toMatchObject({ status: 204 });
  const withPage = await fetch(`${url}/graphql?query={__typename}`, { headers: { accept: 'text/html' } });
  expect(await withPage.text()).not.toContain('__typename":"Query');
});

test('I2: without a token, or with a wrong one, every request is 401 and every WebSocket is closed with 4401', async () => {
  const sent = [null, '', 'Bearer', 'Bearer ', `Basic ${Buffer.from('a:b').toString('base64')}`, ADMIN_TOKEN];
  for (const authorization of [...sent, `Bearer ${ADMIN_TOKEN} x`, `Bearer x, Bearer ${ADMIN_TOKEN}`]) {
    for (const [request, send] of Object.entries(requests)) {
      expect([request, authorization, await send(authorization)]).toEqual([request, authorization, UNAUTHENTICATED]);
    }
    expect(await socketWith(authorization === null ? undefined : { authorization })).toBe(UNAUTHORIZED);
  }
  for (const [kind, token] of Object.entries(invalid)) {
    for (const request of ['POST', 'SSE', 'log.txt']) {
      expect([kind, request, await requests[request]?.(`Bearer ${token}`)]).toEqual([kind, request, UNAUTHENTICATED]);
    }
    expect([kind, await socketWith({ authorization: `Bearer ${token}` })]).toEqual([kind, UNAUTHORIZED]);
  }
});

test('a request without a token is refused before its body has arrived, and its connection is closed', async () => {
  const head =
    'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n';
  const answer = await rawHttp(Number(new URL(url).port), `${head}\r\n{"query":`);
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(answer).toContain('Connection: close');
});

test('I2: an expired token is 401 over HTTP, with a message that says so, and closes a WebSocket with 4403', async () => {
  for (const [kind, token] of Object.entries(expired)) {
    const authorization = `Bearer ${token}`;
    expect([kind, await requests.POST?.(authorization)]).toEqual([kind, UNAUTHENTICATED]);
    expect([kind, await socketWith({ authorization })]).toEqual([kind, '4403 Token expired']);
    const response = await fetch(`${url}/graphql?query={__typename}`, { headers: { authorization } });
    expect(await response.text()).toContain('The token has expired');
  }
});

const apiToken = (name: string) => apiTokens.create(LOCAL_ADMIN, { name, scopes: ['admin'], expiresAt: null });

/** A socket and an event stream that are open with the token. */
const openWith = async (token: string) => {
  const authorization = `Bearer ${token}`;
  const socket = await new RawSocket(url).opened();
  socket.send({ type: 'connection_init', payload: { authorization } });
  await socket.until(({ type }) => type === 'connection_ack');
  const query = 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }';
  const headers = [`Authorization: ${authorization}`];
  const events = new EventReader(Number(new URL(url).port), { query, variables: { id: runId }, headers });
  await events.until(({ ids }) => ids.length > 0);
  return { socket, events };
};

test('I4: a token that another process revokes ends its WebSocket with 4401, cuts its event stream, and is refused', async () => {
  const [{ token, apiToken: record }, other] = [await apiToken('leaked'), await apiToken('other')];
  const [open, stays] = [await openWith(token), await openWith(other.token)];
  // An announcement alone ends nothing: whoever can publish could end the sessions of others.
  await connection.publish(REVOKED_CHANNEL, other.apiToken.id);
  await apiTokens.revoke(LOCAL_ADMIN, record.id);
  expect(await open.socket.closed).toEqual({ code: 4401, reason: 'Unauthorized' });
  expect(await open.events.ended).toBe('cut');
  expect(await requests.POST?.(`Bearer ${token}`)).toEqual(UNAUTHENTICATED);
  expect(await socketWith({ authorization: `Bearer ${token}` })).toBe(UNAUTHORIZED);
  stays.socket.subscribe('1', '{ __typename }');
  await stays.socket.until(({ type }) => type === 'complete');

  // The announcement of this one is lost, as while a connection is cut. When it is back, open tokens are checked.
  await connection.hset(`runloom:token:${hashOfToken(other.token)}`, 'revokedAt', Date.now());
  await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  expect(await stays.socket.closed).toEqual({ code: 4401, reason: 'Unauthorized' });
  expect(await stays.events.ended).toBe('cut');
});

test('I2a: while Redis is away an API token lets nobody in: requests get UNAVAILABLE, sockets and event streams wait', async () => {
  const { token } = await apiToken('patient');
  const sent = { authorization: `Bearer ${token}` };
  process.kill(redis.pid, 'SIGSTOP');
  const socket = await new RawSocket(url).opened();
  socket.send({ type: 'connection_init', payload: sent });
  const open = openWith(token);
  try {
    // urql names event streams beside JSON for its queries too.
    const accept = 'application/graphql-response+json, application/json, text/event-stream';
    const asked = [
      ...['POST', 'log.txt'].map((request) => requests[request]?.(sent.authorization)),
      ask('/graphql?query={__typename}', sent.authorization, { headers: { accept } }),
    ];
    const unavailable = { status: 503, challenge: null, code: 'UNAVAILABLE' };
    expect(await Promise.all(asked)).toEqual([unavailable, unavailable, unavailable]);
    expect(await requests.POST?.('Bearer wrong')).toEqual(UNAUTHENTICATED);
    expect(await requests.POST?.(`Bearer ${valid.run}`)).toMatchObject({ status: 200 });
    expect(socket.messages).toEqual([]);
  } finally {
    process.kill(redis.pid, 'SIGCONT');
  }
  await socket.until(({ type }) => type === 'connection_ack');
  const { socket: second, events } = await open;
  for (const one of [socket, second]) one.socket.terminate();
  await events[Symbol.asyncDispose]();
});

test('a page of an allowed origin can read the refusal', async () => {
  const response = await fetch(`${url}/graphql?query={__typename}`, { headers: { origin: url } });
  expect(response.headers.get('access-control-allow-origin')).toBe(url);
  expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
});

test('the start says which authentication there is, and no line of the log has a token, at any level', async () => {
  expect(service.out()).toMatch(
    /^Authentication: API tokens \(ADMIN_TOKEN\), tokens of https:\/\/issuer.example, run/m,
  );
  expect(service.out()).toContain('a token was refused');
  const all = service.out() + service.err();
  for (const token of [...Object.values(valid), ...Object.values(expired), ...Object.values(invalid)]) {
    expect(all).not.toContain(token);
  }
});
