/** Links to logs, attacked from outside: a real service with AUTH=tokens. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN, type Scope } from '../../src/domain/caller.ts';
import { newRunId } from '../../src/domain/ids.ts';
import { ApiTokens } from '../../src/identity/apiTokens.ts';
import { LogLinks } from '../../src/identity/logLinks.ts';
import { RunTokens } from '../../src/identity/runTokens.ts';
import { installationId } from '../../src/runs/records/installation.ts';
import { post, RawSocket } from '../support/clients/http.ts';
import { createRun, line, PlainWriter } from '../support/log.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const ADMIN_TOKEN = randomBytes(24).toString('hex');
const SECRETS_KEY = Buffer.alloc(32, 7);
let redis: TestRedis;
let data: DataDirectory;
let service: StartedService;
let url: string;
let id: string;
let other: string;
let apiTokens: ApiTokens;
let links: LogLinks;
let installation: string;

beforeAll(async () => {
  redis = await startRedis();
  data = await dataDirectory();
  const env = { DATA_DIR: data.path, REDIS_URL: redis.url, SECRETS_KEY: SECRETS_KEY.toString('base64') };
  service = spawnService({ env: { ...env, AUTH: 'tokens', ADMIN_TOKEN, LOG_LEVEL: 'trace' } });
  url = await service.address();
  const connection = await redis.connect();
  apiTokens = new ApiTokens(connection);
  installation = await installationId(connection);
  links = new LogLinks(SECRETS_KEY, installation);
  const writer = await new PlainWriter(connection, await createRun(connection)).claim();
  await writer.append([line('one'), line('two')]);
  id = writer.runId;
  const large = await new PlainWriter(connection, await createRun(connection)).claim();
  for (let batch = 0; batch < 150; batch += 1) await large.lines(100, 'x'.repeat(1000));
  other = large.runId;
}, 60_000);
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
  await redis?.stop();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const apiToken = (scopes: readonly Scope[], maker: Caller = LOCAL_ADMIN) =>
  apiTokens.create(maker, { name: 'web', scopes, expiresAt: null });
const QUERY = `query ($id: ID!, $format: LogFormat = TXT, $seconds: Int) {
  run(id: $id) { logUrl(format: $format, expiresInSeconds: $seconds) } }`;
const askLink = (token: string, variables: Record<string, unknown> = {}) =>
  post(url, QUERY, { id, ...variables }, bearer(token));
const linkOf = async (token = ADMIN_TOKEN, variables: Record<string, unknown> = {}): Promise<string> =>
  (await askLink(token, variables)).data.run.logUrl;

/** Status and text, or the message of the error. */
const download = async (path: string) => {
  const response = await fetch(`${url}${path}`);
  const text = await response.text();
  const { errors } = response.ok
    ? {}
    : (JSON.parse(text) as { errors?: { message: string; extensions: { code: string } }[] });
  return {
    status: response.status,
    headers: response.headers,
    text,
    ...errors?.[0],
    code: errors?.[0]?.extensions.code,
  };
};
const REFUSED = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'The link is not valid. Check that it is complete, or ask for a new one.',
};

test('D6: a link downloads its log without a header, in both forms and with parameters', async () => {
  const txt = await linkOf();
  expect(txt).toMatch(new RegExp(`^/runs/${id}/log\\.txt\\?ticket=[\\w.-]+$`));
  expect(await download(txt)).toMatchObject({ status: 200, text: 'one\ntwo\n' });
  expect(await download(`${txt}&tail=1&download=1`)).toMatchObject({ status: 200, text: 'two\n' });
  const ndjson = await download(await linkOf(ADMIN_TOKEN, { format: 'NDJSON', seconds: null }));
  expect(ndjson.text.trimEnd().split('\n')).toHaveLength(3);
  const { headers } = await download(`${txt}&download=1`);
  expect([headers.get('referrer-policy'), headers.get('cache-control'), headers.get('content-disposition')]).toEqual([
    'no-referrer',
    'no-store, no-transform',
    `attachment; filename="${id}.log"`,
  ]);
  expect(await download(`/runs/${id}/log.txt`)).toMatchObject({ status: 401 });
});

test('D6: a link is valid for its own path alone', async () => {
  const link = await linkOf();
  const [, ticket = ''] = link.split('=');
  const [head = '', body = '', mark = ''] = ticket.split('.');
  const foreign = await new LogLinks(SECRETS_KEY, 'elsewhere').sign(LOCAL_ADMIN, {
    path: link.split('?')[0] ?? '',
    expiresInSeconds: 60,
  });
  const otherKey = await new LogLinks(randomBytes(32), installation).sign(LOCAL_ADMIN, {
    path: link.split('?')[0] ?? '',
    expiresInSeconds: 60,
  });
  const runs = { runIds: [newRunId()], scopes: new Set(['logs:read'] as const), expiresInSeconds: 60 };
  const runToken = (await new RunTokens(SECRETS_KEY, installation).sign(LOCAL_ADMIN, runs)).token;
  const none = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(head, 'base64url').toString()), alg: 'none' }));
  const paths: Record<string, string> = {
    'the other form': link.replace('.txt', '.ndjson'),
    'another run': link.replace(id, other),
    'the id in capitals': link.replace(id, id.toUpperCase()),
    'another installation': foreign,
    'another key': otherKey,
    'a run token': `/runs/${id}/log.txt?ticket=${runToken}`,
    'the admin token': `/runs/${id}/log.txt?ticket=${ADMIN_TOKEN}`,
    'no signature': `/runs/${id}/log.txt?ticket=${none.toString('base64url')}.${body}.`,
    'other claims': link.replace(body, Buffer.from('{"exp":9e9,"sub":"x"}').toString('base64url')),
    'half of it': link.slice(0, -10),
    'an empty ticket': `/runs/${id}/log.txt?ticket=`,
    'a wrong first ticket': link.replace('?', `?ticket=${head}&`),
  };
  expect(mark).not.toBe('');
  for (const [name, path] of Object.entries(paths)) {
    const answer = await download(path);
    if (answer.status === 404) expect([name, answer.code]).toEqual([name, 'NOT_FOUND']);
    else expect([name, answer]).toMatchObject([name, REFUSED]);
  }
});

test('D6a: the ticket of a link is no token of the API, on no transport', async () => {
  const link = await linkOf();
  const [, ticket = ''] = link.split('=');
  expect((await post(url, '{ __typename }', {}, bearer(ticket))).status).toBe(401);
  expect((await fetch(`${url}/graphql?query={__typename}&ticket=${ticket}`)).status).toBe(401);
  expect((await fetch(`${url}/runs/${id}/log.txt`, { headers: bearer(ticket) })).status).toBe(401);
  for (const payload of [{ ticket }, { authorization: `Bearer ${ticket}` }]) {
    await using socket = await new RawSocket(`${url}`, {}).opened();
    socket.send({ type: 'connection_init', payload });
    expect((await socket.closed).code).toBe(4401);
  }
});

test('D6b: a link lives as long as was asked, an hour at most, and no longer than the token of its maker', async () => {
  for (const seconds of [0, -1, 3601]) {
    const { errors } = await askLink(ADMIN_TOKEN, { seconds });
    expect([seconds, errors?.[0]?.extensions]).toMatchObject([
      seconds,
      { code: 'BAD_USER_INPUT', argument: 'expiresInSeconds' },
    ]);
  }
  const path = `/runs/${id}/log.txt`;
  const hourAgo = Date.now() - 3_600_000;
  const expired = await links.sign(LOCAL_ADMIN, { path, expiresInSeconds: 3599 }, hourAgo);
  expect(await download(expired)).toMatchObject({ status: 401, message: 'The link has expired. Ask for a new one.' });
  expect(await download(await links.sign(LOCAL_ADMIN, { path, expiresInSeconds: 3700 }, hourAgo))).toMatchObject({
    status: 200,
  });
  const short = await links.sign({ ...LOCAL_ADMIN, expiresAt: Date.now() - 1 }, { path, expiresInSeconds: 3600 });
  expect(await download(short)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
});

/** A download that has begun and takes nothing more until `rest` is called. */
const begin = async (path: string) => {
  const [response] = (await once(httpGet(`${url}${path}`), 'response')) as [IncomingMessage];
  // It is cut in one of the tests.
  response.on('error', () => undefined);
  let bytes = 0;
  const rest = async (): Promise<{ readonly bytes: number; readonly isComplete: boolean }> => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    if (!response.closed) await new Promise((resolve) => response.once('close', resolve));
    return { bytes, isComplete: response.complete };
  };
  return { status: response.statusCode, rest };
};

test('D6f: a download that began before its link expired goes on to the end', async () => {
  const link = await linkOf(ADMIN_TOKEN, { id: other, seconds: 1 });
  const begun = await begin(link);
  await expect.poll(async () => (await download(`${link}&tail=1`)).status, { timeout: 20_000 }).toBe(401);
  const { bytes, isComplete } = await begun.rest();
  expect([begun.status, isComplete]).toEqual([200, true]);
  expect(bytes).toBeGreaterThan(150 * 100 * 1000);
});

test('D6c: a link ends with the API token of its maker, and a download under way is cut', async () => {
  const made = await apiToken(['runs:read', 'logs:read']);
  const link = await linkOf(made.token, { id: other });
  expect((await download(`${link}&tail=1`)).status).toBe(200);
  const begun = await begin(link);
  await apiTokens.revoke(LOCAL_ADMIN, made.apiToken.id);
  expect(await download(link)).toMatchObject(REFUSED);
  expect((await begun.rest()).isComplete).toBe(false);
});

test('D6d: who may not read the log gets no link to it', async () => {
  const { token } = await apiToken(['runs:read']);
  const { data, errors } = await askLink(token);
  expect([data, errors?.[0]?.extensions.code]).toEqual([{ run: null }, 'FORBIDDEN']);
  const stranger = await apiToken(['admin'], { ...LOCAL_ADMIN, tenant: 'other' });
  expect((await askLink(stranger.token)).data).toEqual({ run: null });
  const theirs = await links.sign(
    { ...LOCAL_ADMIN, tenant: 'other' },
    { path: `/runs/${id}/log.txt`, expiresInSeconds: 60 },
  );
  expect(await download(theirs)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
});

test('D6e: no line of the service shows a ticket, at any level', async () => {
  const link = await linkOf();
  const [, ticket = ''] = link.split('=');
  for (const path of [link, `${link}x`, link.replace(id, other), `${link}&nothing=1`, `/nothing?ticket=${ticket}`])
    await download(path);
  const parts = ticket.split('.');
  expect(parts).toHaveLength(3);
  const said = `${service.out()}${service.err()}`;
  expect(said).toContain('"level":20');
  for (const part of parts) expect(said.includes(part)).toBe(false);
});
