/**
 * Every kind of caller tries every root field, guarded field and download over every transport. What must happen is
 * computed from the table of rights (src/identity/policy.ts), and compared with what a real service does.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN, SCOPES, type Scope } from '../../src/domain/caller.ts';
import { newRunId, type RunId } from '../../src/domain/ids.ts';
import { schema } from '../../src/graphql/schema/schema.ts';
import { ApiTokens, callerOfApiToken } from '../../src/identity/apiTokens.ts';
import { type Guarded, isAllowed, RIGHTS, scopeName } from '../../src/identity/policy.ts';
import { RunTokens } from '../../src/identity/runTokens.ts';
import { installationId } from '../../src/runs/records/installation.ts';
import { firstResult } from '../support/clients/eventStream.ts';
import { type Answer, post, RawSocket } from '../support/clients/http.ts';
import { processesNaming } from '../support/engines/podman.ts';
import { JWT_SETTINGS, now, providerToken } from '../support/identity.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { until } from '../support/runs/runs.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const ADMIN_TOKEN = 'admin-token-of-the-first-day'.padEnd(40, 'x');
const SECRETS_KEY = Buffer.alloc(32, 7);
/** Seconds that no other process of this machine sleeps. */
const NAP = `86423.${process.pid}`;
/** What the command prints and is given: no refused answer shows it. */
const SECRET = 'only-for-those-who-have-the-right';

/** What an operation answers. `refused`: 401, or the close codes of a WebSocket. `missing`: null, or NOT_FOUND. */
type Outcome = 'refused' | 'FORBIDDEN' | 'missing' | 'ok';

interface Identity {
  readonly name: string;
  /** The header; null: none is sent. */
  readonly authorization: string | null;
  /** Null: the service does not let it in. */
  readonly caller: Caller | null;
}

interface Operation {
  /** The row of the root field. */
  readonly right: Guarded;
  /** The row of a field below it. */
  readonly field?: Guarded;
  /** Takes the variable $id. */
  readonly document: string;
  /** Which id it is given: the finished run, the run that goes on, an API token, or one that does not exist. */
  readonly target: 'finished' | 'living' | 'apiToken' | 'nothing';
  /** A code that means that the caller was allowed. */
  readonly allowed?: string;
}

const ofRun = (right: Guarded, document: string, more: Partial<Operation> = {}): Operation => ({
  ...{ right, document, target: 'finished' as const },
  ...more,
});
const field = (name: string, selection = ''): Operation =>
  ofRun('Query.run', `query ($id: ID!) { run(id: $id) { id ${name}${selection} } }`, {
    field: `Run.${name}` as Guarded,
  });

const OPERATIONS: readonly Operation[] = [
  ofRun('Query.node', 'query ($id: ID!) { node(id: $id) { id } }'),
  ofRun('Query.node', 'query ($id: ID!) { node(id: $id) { id } }', { target: 'apiToken' }),
  ofRun('Query.run', 'query ($id: ID!) { run(id: $id) { id } }'),
  ofRun('Query.run', 'query ($id: ID!) { run(id: $id) { id } }', { target: 'nothing' }),
  ofRun('Query.runs', '{ runs(first: 1) { pageInfo { startCursor } } }', { target: 'nothing' }),
  ofRun('Query.viewer', '{ viewer { tenant } }', { target: 'nothing' }),
  ofRun('Query.apiTokens', '{ apiTokens(first: 1) { pageInfo { hasNextPage } } }', { target: 'nothing' }),
  ofRun('Mutation.startRun', 'mutation { startRun(input: { command: [""] }) { run { id } } }', {
    ...{ target: 'nothing', allowed: 'BAD_USER_INPUT' },
  }),
  ofRun('Mutation.retryRun', 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id } } }'),
  ofRun('Mutation.cancelRun', 'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }'),
  ofRun('Mutation.deleteRun', 'mutation ($id: ID!) { deleteRun(input: { runId: $id }) { deletedRunId } }', {
    ...{ target: 'living', allowed: 'CONFLICT' },
  }),
  ofRun(
    'Mutation.createRunToken',
    'mutation ($id: ID!) { createRunToken(input: { runIds: [$id] }) { runToken { scopes } } }',
  ),
  ofRun('Mutation.createApiToken', 'mutation { createApiToken(input: { name: "", scopes: [ADMIN] }) { token } }', {
    ...{ target: 'nothing', allowed: 'BAD_USER_INPUT' },
  }),
  ofRun('Mutation.revokeApiToken', 'mutation ($id: ID!) { revokeApiToken(input: { id: $id }) { apiToken { id } } }', {
    target: 'apiToken',
  }),
  ofRun('Subscription.runLogs', 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }'),
  ofRun('Subscription.runLogBatches', 'subscription ($id: ID!) { runLogBatches(runId: $id) { lastSeq } }'),
  ofRun('Subscription.runLogSearch', 'subscription ($id: ID!) { runLogSearch(runId: $id, query: {}) { found } }'),
  ofRun('Subscription.logs', 'subscription { logs(filter: {}, tail: -1) { change } }', {
    target: 'nothing',
    allowed: 'BAD_USER_INPUT',
  }),
  ofRun('Subscription.runUpdated', 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }'),
  ofRun('Subscription.runsUpdated', 'subscription { runsUpdated { kind } }', { target: 'nothing' }),
  field('logs', '(last: 1) { endSeq }'),
  field('search', '(query: { text: "o" }) { hits { event { message } } }'),
  field('logUrl'),
  field('logStats', ' { lastSeq }'),
  field('outline', ' { seq }'),
  field('seqAt', '(line: 1)'),
  field('histogram', ' { seq }'),
  field('output'),
  field('progress', ' { current }'),
  field('retryOf', ' { id }'),
];

let redis: TestRedis;
let connection: Redis;
let data: DataDirectory;
let service: StartedService;
let url: string;
const ids = { finished: '', living: '', apiToken: '', nothing: newRunId() as string };
const identities: Identity[] = [];

const callerOf = (tenant: string, scopes: readonly Scope[], runs: readonly string[] | null = null): Caller => ({
  ...{ subject: 'someone', tenant, scopes: new Set(scopes), expiresAt: null, apiTokenId: null },
  runs: runs === null ? null : new Set(runs as readonly RunId[]),
});

const headersOf = (authorization: string | null): Readonly<Record<string, string>> =>
  authorization === null ? {} : { authorization };
const asAdmin = (query: string, variables: Record<string, unknown> = {}): Promise<Answer> =>
  post(url, query, variables, headersOf(`Bearer ${ADMIN_TOKEN}`));
const startRun = async (script: string): Promise<string> => {
  const query = 'mutation ($command: [String!]!) { startRun(input: { command: $command }) { run { id } } }';
  return (await asAdmin(query, { command: ['sh', '-c', script] })).data.startRun.run.id;
};
const waitFor = async (id: string, status: string): Promise<void> => {
  const query = 'query ($id: ID!) { run(id: $id) { status } }';
  await until(
    async () => (await asAdmin(query, { id })).data.run.status,
    (one) => one === status,
    30_000,
  );
};

const makeIdentities = async (): Promise<void> => {
  const apiTokens = new ApiTokens(connection);
  const runTokens = new RunTokens(SECRETS_KEY, await installationId(connection));
  const api = (scopes: readonly Scope[], tenant = 'default', expiresAt: number | null = null) =>
    apiTokens.create({ ...LOCAL_ADMIN, tenant }, { name: 'ci', scopes, expiresAt });
  const run = async (scopes: readonly Scope[], runIds: readonly string[], tenant = 'default'): Promise<string> => {
    const asked = { runIds: runIds as readonly RunId[], scopes: new Set(scopes), expiresInSeconds: 600 };
    return (await runTokens.sign({ ...LOCAL_ADMIN, tenant }, asked)).token;
  };
  const add = (name: string, token: string, caller: Caller | null) =>
    void identities.push({ name, authorization: `Bearer ${token}`, caller });
  const own = [ids.finished, ids.living];
  const revoked = await api(['admin']);
  await apiTokens.revoke(LOCAL_ADMIN, revoked.apiToken.id);

  identities.push({ name: 'none', authorization: null, caller: null });
  identities.push({ name: 'Basic', authorization: `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`, caller: null });
  add('wrong', 'x'.repeat(40), null);
  add('expired API token', (await api(['admin'], 'default', Date.now() - 1)).token, null);
  add('expired token of the provider', await providerToken({ exp: Math.floor(now()) - 60 }), null);
  add('revoked API token', revoked.token, null);
  add('ADMIN_TOKEN', ADMIN_TOKEN, callerOf('default', ['admin']));
  for (const scope of SCOPES) {
    const { token, apiToken } = await api([scope]);
    add(`API token ${scope}`, token, callerOfApiToken(apiToken));
    add(`run token ${scope}`, await run([scope], own), callerOf('default', [scope], own));
    add(`provider ${scope}`, await providerToken({ scope }), callerOf('default', [scope]));
    add(`provider ${scope}, another tenant`, await providerToken({ scope, tenant: 'x' }), callerOf('x', [scope]));
  }
  add('API token admin, another tenant', (await api(['admin'], 'other')).token, callerOf('other', ['admin']));
  add('run token for another run', await run(['admin'], [newRunId()]), callerOf('default', ['admin'], [newRunId()]));
  add('run token of another tenant', await run(['admin'], own, 'other'), callerOf('other', ['admin'], own));
};

beforeAll(async () => {
  redis = await startRedis();
  connection = await redis.connect();
  data = await dataDirectory();
  service = spawnService({
    env: {
      ...{ DATA_DIR: data.path, REDIS_URL: redis.url, SECRETS_KEY: SECRETS_KEY.toString('base64'), VIEWER: 'off' },
      ...{ AUTH: 'tokens,jwt', ADMIN_TOKEN, ...JWT_SETTINGS, LOG_LEVEL: 'trace' },
      ...{ LIMIT_FAILED_LOGINS_PER_MINUTE: '0', LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: '0' },
    },
  });
  url = await service.address();
  ids.living = await startRun(`sleep ${NAP}`);
  ids.finished = await startRun(`echo ${SECRET}; echo '::output::"${SECRET}"'; echo '::progress current=1::${SECRET}'`);
  ids.apiToken = (
    await new ApiTokens(connection).create(LOCAL_ADMIN, { name: 'x', scopes: [], expiresAt: null })
  ).apiToken.id;
  await Promise.all([waitFor(ids.living, 'RUNNING'), waitFor(ids.finished, 'COMPLETED')]);
  await makeIdentities();
}, 180_000);
afterAll(async () => {
  if (url !== undefined)
    await asAdmin(`mutation { cancelRun(input: { runId: "${ids.living}", force: true }) { run { id } } }`);
  if (ids.living !== '') await waitFor(ids.living, 'CANCELLED');
  await until(
    () => processesNaming(`sleep\0${NAP}`),
    (pids) => pids.length === 0,
    30_000,
  );
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
  await redis?.stop();
});

/** Whether a refusal names the missing scope (of the root field, or else of the field below it), or blames a run token. */
const namesScope = (answer: Answered, { caller }: Identity, { right, field: below = right }: Operation): boolean => {
  const row = caller !== null && isAllowed(caller, right) ? below : right;
  const scope = `${RIGHTS[row]} (${scopeName(RIGHTS[row] as Scope)})`;
  const others = caller?.runs == null ? [] : ['A run token cannot do this'];
  return answer.errors?.some(({ message }) => [scope, ...others].some((text) => message.includes(text))) ?? false;
};

/** What must happen, by the table of rights. */
const expected = ({ caller }: Identity, { right, field: below, target }: Operation): Outcome => {
  if (caller === null) return 'refused';
  if (!isAllowed(caller, right)) return 'FORBIDDEN';
  if (target === 'nothing') return right === 'Query.run' ? 'missing' : 'ok';
  if (target === 'apiToken') {
    const isAdmin = caller.tenant === 'default' && caller.scopes.has('admin') && caller.runs === null;
    return isAdmin ? 'ok' : 'missing';
  }
  const sees = caller.tenant === 'default' && caller.runs?.has(ids[target] as RunId) !== false;
  if (!sees) return 'missing';
  return below !== undefined && !isAllowed(caller, below) ? 'FORBIDDEN' : 'ok';
};

type Answered = Pick<Answer, 'data' | 'errors'>;

/** What has happened. */
const seen = ({ data: found, errors = [] }: Answered, { allowed, document }: Operation): string => {
  const [code] = errors.map(({ extensions }) => extensions.code);
  if (code === 'UNAUTHENTICATED') return 'refused';
  if (code === 'NOT_FOUND') return 'missing';
  if (code !== undefined) return code === allowed ? 'ok' : code;
  const [value] = Object.values(found ?? {});
  return value === null && document.startsWith('query') ? 'missing' : 'ok';
};

type Transport = (identity: Identity, operation: Operation) => Promise<Answered>;

const bodyOf = ({ document, target }: Operation) => ({ query: document, variables: { id: ids[target] } });
const httpPost: Transport = ({ authorization }, operation) => {
  const { query, variables } = bodyOf(operation);
  return post(url, query, variables, headersOf(authorization));
};
const httpGet: Transport = async ({ authorization }, operation) => {
  const { query, variables } = bodyOf(operation);
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  const response = await fetch(`${url}/graphql?${search}`, { headers: headersOf(authorization) });
  return (await response.json()) as Answered;
};
const eventStream: Transport = ({ authorization }, operation) => {
  const { query, variables } = bodyOf(operation);
  return firstResult(url, query, variables, headersOf(authorization));
};

const sockets = new Map<Identity, RawSocket>();
let messages = 0;
const webSocket: Transport = async (identity, operation) => {
  let socket = sockets.get(identity);
  if (socket === undefined) {
    socket = await new RawSocket(url).opened();
    sockets.set(identity, socket);
    socket.send({ type: 'connection_init', payload: headersOf(identity.authorization) });
  }
  messages += 1;
  const id = `m${messages}`;
  const closed = socket.closed.then(({ code }): Answered => {
    if (code !== 4401 && code !== 4403) throw new Error(`closed with ${code}`);
    return { errors: [{ message: '', extensions: { code: 'UNAUTHENTICATED' } }] };
  });
  const answered = async (): Promise<Answered> => {
    await socket.until(({ type }) => type === 'connection_ack');
    socket.send({ id, type: 'subscribe', payload: bodyOf(operation) });
    const { type, payload } = await socket.until((one) => one.id === id && one.type !== 'complete');
    socket.send({ id, type: 'complete' });
    return (type === 'error' ? { errors: payload } : payload) as Answered;
  };
  return await Promise.race([closed, answered().catch(() => closed)]);
};

const TRANSPORTS: Readonly<Record<string, Transport>> = {
  POST: httpPost,
  GET: httpGet,
  SSE: eventStream,
  WebSocket: webSocket,
};
const canDo = (transport: string, { document }: Operation): boolean => {
  if (document.startsWith('subscription')) return transport === 'SSE' || transport === 'WebSocket';
  return document.startsWith('mutation') ? transport !== 'GET' : true;
};

test('T6: every caller, operation and transport answers as the table of rights says: over 3,000 cells, none wrong', async () => {
  const wrong: string[] = [];
  let cells = 0;
  const tryCell = async (identity: Identity, operation: Operation, transport: string): Promise<void> => {
    const answer = await TRANSPORTS[transport]?.(identity, operation);
    const must = expected(identity, operation);
    const did = seen(answer ?? {}, operation);
    const shows = must !== 'ok' && JSON.stringify(answer).includes(SECRET);
    const named = must !== 'FORBIDDEN' || namesScope(answer ?? {}, identity, operation);
    cells += 1;
    if (did !== must || shows || !named) {
      const { right, field: below, target } = operation;
      wrong.push(
        `${identity.name}, ${right} ${below ?? ''} ${target}, ${transport}: ${did}, not ${must} ${JSON.stringify(answer)}`,
      );
    }
  };
  for (const identity of identities) {
    for (const [transport] of Object.entries(TRANSPORTS)) {
      const possible = OPERATIONS.filter((operation) => canDo(transport, operation));
      // One after the other on a WebSocket that can be refused.
      for (const operation of possible) await tryCell(identity, operation, transport);
    }
    await sockets.get(identity)?.[Symbol.asyncDispose]();
  }
  expect(wrong).toEqual([]);
  expect(cells).toBeGreaterThan(3000);
}, 180_000);

test('T6: every caller gets, or does not get, the downloads of a run as the table of rights says', async () => {
  const wrong: string[] = [];
  for (const identity of identities) {
    for (const format of ['txt', 'ndjson'] as const) {
      for (const method of ['GET', 'HEAD']) {
        for (const target of ['finished', 'nothing'] as const) {
          const headers = headersOf(identity.authorization);
          const response = await fetch(`${url}/runs/${ids[target]}/log.${format}`, { method, headers });
          const right = `GET /runs/:id/log.${format}` as const;
          const outcome = expected(identity, { right, document: '', target: 'finished' });
          const status = { refused: 401, FORBIDDEN: 403, missing: 404, ok: target === 'nothing' ? 404 : 200 }[outcome];
          const text = await response.text();
          if (response.status !== status || (status !== 200 && text.includes(SECRET))) {
            wrong.push(`${identity.name}, ${method} ${format} ${target}: ${response.status}, not ${status}`);
          }
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('T6: the matrix has every root field of the schema and every row of the table', () => {
  const rows = new Set<string>(OPERATIONS.flatMap(({ right, field: below }) => [right, below ?? right]));
  // Who sees no run gets no result of it at all: rights.test.ts has it.
  rows.add('FollowedLogs.run');
  const left = Object.keys(RIGHTS).filter((row) => !row.startsWith('GET ') && !rows.has(row));
  expect(left).toEqual([]);
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    for (const name of Object.keys(type?.getFields() ?? {})) expect([...rows]).toContain(`${type?.name}.${name}`);
  }
});

test('no line of the log at level trace has a token', () => {
  const log = service.out() + service.err();
  expect(log).toContain('"audit":true');
  for (const { authorization } of identities) {
    const token = authorization?.split(' ')[1];
    if (token !== undefined) expect(log.includes(token)).toBe(false);
  }
});
