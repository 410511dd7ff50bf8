/** What callers can do and see, from outside: a real service with AUTH=tokens,jwt, over HTTP, server-sent events and WebSocket. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newRunId } from '../../src/domain/ids.ts';
import { RIGHTS } from '../../src/identity/policy.ts';
import { firstResult } from '../support/clients/eventStream.ts';
import { type Answer, post, RawSocket } from '../support/clients/http.ts';
import { JWT_SETTINGS, now, providerToken } from '../support/identity.ts';
import { until } from '../support/runs/runs.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const ADMIN_TOKEN = 'admin-token-of-the-first-day'.padEnd(40, 'x');
/** What the command prints: nobody without logs:read may see it. */
const WRITTEN = 'written by the command';
let data: DataDirectory;
let service: StartedService;
let url: string;
/** Finished runs of the tenant acme, and an admin of it. */
let runId: string;
let otherId: string;
let acme: string;
let stranger: string;

const headersOf = (token: string) => ({ authorization: `Bearer ${token}` });
const ask = (token: string, query: string, variables: Record<string, unknown> = {}): Promise<Answer> =>
  post(url, query, variables, headersOf(token));
const codes = ({ errors }: Answer): readonly string[] => (errors ?? []).map(({ extensions }) => extensions.code);

/** The first result of a subscription by server-sent events. */
const first = (token: string, query: string, variables: Record<string, unknown>): Promise<Answer> =>
  firstResult(url, query, variables, headersOf(token));
const operate = (token: string, query: string, variables: Record<string, unknown>): Promise<Answer> =>
  query.startsWith('subscription') ? first(token, query, variables) : ask(token, query, variables);
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id createdBy } } }';
const command = [
  'sh',
  '-c',
  `echo '${WRITTEN}'; echo '::output::"${WRITTEN}"'; echo '::progress current=1::${WRITTEN}'`,
];
const startRun = async (token: string, more: object = {}): Promise<string> => {
  const { data: answer, errors } = await ask(token, START, { input: { command, ...more } });
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return answer.startRun.run.id;
};
const finished = async (id: string): Promise<string> => {
  const status = async () => (await ask(acme, 'query ($id: ID!) { run(id: $id) { status } }', { id })).data.run.status;
  await until(status, (one) => one === 'COMPLETED' || one === 'CANCELLED', 30_000);
  return id;
};
const backend = (scope: string, more: object = {}): Promise<string> =>
  providerToken({ sub: 'backend', tenant: 'acme', scope, ...more });
const runToken = async (maker: string, runIds: readonly string[], scopes?: readonly string[]): Promise<string> => {
  const query = 'mutation ($input: CreateRunTokenInput!) { createRunToken(input: $input) { runToken { token } } }';
  const answer = await ask(maker, query, { input: { runIds, scopes } });
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data.createRunToken.runToken.token;
};

beforeAll(async () => {
  data = await dataDirectory();
  service = spawnService({
    env: { DATA_DIR: data.path, AUTH: 'tokens,jwt', ADMIN_TOKEN, ...JWT_SETTINGS, LOG_LEVEL: 'error' },
  });
  url = await service.address();
  [acme, stranger] = [await backend('admin'), await providerToken({ sub: 'eve', tenant: 'other' })];
  [runId, otherId] = [await startRun(acme), await startRun(acme)];
  await Promise.all([finished(runId), finished(otherId)]);
}, 180_000);
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

/** One document for each row of the table; they take the variable $id. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  'Query.node': 'query ($id: ID!) { node(id: $id) { id } }',
  'Query.run': 'query ($id: ID!) { run(id: $id) { id } }',
  'Query.runs': '{ runs { edges { node { id } } } }',
  'Query.viewer': '{ viewer { subject } }',
  'Query.apiTokens': '{ apiTokens { edges { node { id } } } }',
  'Mutation.startRun': 'mutation { startRun(input: { command: ["true"] }) { run { id } } }',
  'Mutation.retryRun': 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id } } }',
  'Mutation.cancelRun': 'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }',
  'Mutation.deleteRun': 'mutation ($id: ID!) { deleteRun(input: { runId: $id }) { deletedRunId } }',
  'Mutation.createRunToken':
    'mutation ($id: ID!) { createRunToken(input: { runIds: [$id] }) { runToken { expiresAt } } }',
  'Mutation.createApiToken': 'mutation { createApiToken(input: { name: "x", scopes: [ADMIN] }) { apiToken { id } } }',
  'Mutation.revokeApiToken': 'mutation ($id: ID!) { revokeApiToken(input: { id: $id }) { apiToken { id } } }',
  'Subscription.runLogs': 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }',
  'Subscription.runLogSearch': 'subscription ($id: ID!) { runLogSearch(runId: $id, query: {}) { found } }',
  'Subscription.runLogBatches': 'subscription ($id: ID!) { runLogBatches(runId: $id) { lastSeq } }',
  'Subscription.logs': 'subscription { logs(filter: {}, tail: -1) { change } }',
  'Subscription.runUpdated': 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }',
  'Subscription.runsUpdated': 'subscription { runsUpdated { kind } }',
};
const NEVER_GIVEN = newRunId();

test('T2: there is a document for each row of the table of rights that is a root field', () => {
  const rows = Object.keys(RIGHTS).filter((name) => /^(Query|Mutation|Subscription)\./.test(name));
  const landed = Object.keys(DOCUMENTS);
  expect(rows.filter((name) => !landed.includes(name))).toEqual([]);
});

test('T6: logs shows the runs themselves to callers with runs:read, and their events to all with logs:read', async () => {
  const query = (selection: string): string =>
    `subscription ($id: ID!) { logs(filter: {}, positions: [{ runId: $id, after: 0 }]) { change ${selection} } }`;
  const [reader, both] = [await backend('logs:read'), await backend('logs:read runs:read')];
  expect(codes(await operate(reader, query('run { name }'), { id: runId }))).toEqual(['FORBIDDEN']);
  expect(codes(await operate(reader, query('batch { runId }'), { id: runId }))).toEqual([]);
  expect(codes(await operate(both, query('run { name } batch { runId }'), { id: runId }))).toEqual([]);
});

test('T7: without logs:read nothing shows what a command has written', async () => {
  const query = `query ($id: ID!) { run(id: $id) { id status command failure { message }
    logs { events { ... on LogLine { message } } } output progress { label } } }`;
  const reader = await ask(await backend('runs:read runs:start runs:cancel runs:delete'), query, { id: runId });
  expect(reader.data.run).toMatchObject({ status: 'COMPLETED', logs: null, output: null, progress: null });
  expect(codes(reader)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
  const both = await ask(await backend('runs:read logs:read'), query, { id: runId });
  expect(both).not.toHaveProperty('errors');
  expect(both.data.run).toMatchObject({ output: WRITTEN, progress: { label: WRITTEN } });
  expect(JSON.stringify(both.data.run.logs)).toContain(WRITTEN);
});

test('T8: a scope is checked before the input, and the input before the run: FORBIDDEN says nothing about what exists', async () => {
  const query = 'query ($id: ID!) { run(id: $id) { logs(first: -1) { endSeq } } }';
  expect(codes(await ask(await backend('runs:read'), query, { id: runId }))).toEqual(['FORBIDDEN']);
  expect(codes(await ask(acme, query, { id: runId }))).toEqual(['BAD_USER_INPUT']);
  const follow = 'subscription ($id: ID!) { runLogs(runId: $id, after: -1) { seq } }';
  const nothing = await backend('');
  const seen = await Promise.all(
    [runId, NEVER_GIVEN, 'no id'].map(async (id) => [
      await first(nothing, follow, { id }),
      await first(stranger, follow, { id }),
    ]),
  );
  for (const [forbidden, bad] of seen) {
    expect([codes(forbidden as Answer), codes(bad as Answer)]).toEqual([['FORBIDDEN'], ['BAD_USER_INPUT']]);
  }
  expect(new Set(seen.map((answers) => JSON.stringify(answers))).size).toBe(1);
});

/** What a caller gets for a run, in every way that there is. */
const everyAnswer = async (token: string, id: string): Promise<readonly string[]> => {
  const answers: string[] = [];
  for (const [name, document] of Object.entries(DOCUMENTS)) {
    if (!document.includes('$id') || name === 'Query.node') continue;
    answers.push(`${name} ${JSON.stringify(await operate(token, document, { id }))}`);
  }
  answers.push(JSON.stringify(await ask(token, DOCUMENTS['Query.node'] ?? '', { id })));
  for (const path of ['log.txt', 'log.ndjson', 'log.txt?after=1']) {
    const response = await fetch(`${url}/runs/${id}/${path}`, { headers: headersOf(token) });
    answers.push(`${response.status} ${await response.text()}`);
  }
  const aliases = [id, NEVER_GIVEN].map((one, i) => `a${i}: run(id: "${one}") { id } n${i}: node(id: "${one}") { id }`);
  answers.push(JSON.stringify(await ask(token, `{ ${aliases.join(' ')} }`)));
  return answers;
};

test('T2: to another tenant, and to a token for another run, a run is answered as an id that was never given, everywhere', async () => {
  const token = await runToken(acme, [otherId], ['RUNS_READ', 'LOGS_READ', 'RUNS_CANCEL', 'RUNS_DELETE']);
  for (const caller of [stranger, token]) {
    const [hidden, never] = [await everyAnswer(caller, runId), await everyAnswer(caller, NEVER_GIVEN)];
    expect(hidden).toEqual(never);
    expect(hidden.join('')).not.toContain(WRITTEN);
    expect(hidden.filter((answer) => /NOT_FOUND|FORBIDDEN|null/.test(answer))).toHaveLength(hidden.length);
  }
  expect((await ask(acme, DOCUMENTS['Query.run'] ?? '', { id: runId })).data.run).toEqual({ id: runId });
});

test('T3: retryOf of a run that the caller does not see is null, and lists have only what the caller sees', async () => {
  const retry = 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id createdBy retryOf { id } } } }';
  const retried = (await ask(await backend('runs:start runs:read', { sub: 'ada' }), retry, { id: runId })).data
    .retryRun;
  expect(retried.run).toMatchObject({ createdBy: 'ada', retryOf: { id: runId } });
  const token = await runToken(acme, [retried.run.id]);
  const list = '{ runs { edges { node { id retryOf { id } } } pageInfo { hasNextPage hasPreviousPage } } }';
  expect(await ask(token, list)).toMatchObject({
    data: {
      runs: {
        edges: [{ node: { id: retried.run.id, retryOf: null } }],
        pageInfo: { hasNextPage: false, hasPreviousPage: false },
      },
    },
  });
  expect((await ask(stranger, list)).data.runs.edges).toEqual([]);
});

test('T4: over the API, an idempotency key of one tenant says nothing to another', async () => {
  const mine = await startRun(acme, { name: 'a', idempotencyKey: 'order 7' });
  const theirs = await startRun(stranger, { name: 'b', idempotencyKey: 'order 7' });
  expect(theirs).not.toBe(mine);
  expect(await startRun(acme, { name: 'a', idempotencyKey: 'order 7' })).toBe(mine);
});

test('T5: over a WebSocket, runsUpdated and logs of a run token have only its run, and another tenant sees nothing', async () => {
  const slow = await startRun(acme, { command: ['sleep', '60'] });
  const sockets = await Promise.all(
    [await runToken(acme, [slow]), stranger].map(async (token) => {
      const socket = await new RawSocket(url).opened();
      socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
      await socket.until(({ type }) => type === 'connection_ack');
      socket.subscribe('1', 'subscription { runsUpdated { kind runId } }');
      await socket.until((message) => JSON.stringify(message).includes('SYNCED'));
      socket.subscribe('2', 'subscription { logs(filter: {}) { change run { id } batch { lastSeq } } }');
      return socket;
    }),
  );
  const other = await startRun(acme);
  await ask(acme, DOCUMENTS['Mutation.cancelRun'] ?? '', { id: slow });
  await sockets[0]?.until((message) => JSON.stringify(message).includes(slow));
  const own = await startRun(stranger);
  await sockets[1]?.until((message) => JSON.stringify(message).includes(own));
  await sockets[0]?.until((message) => message.id === '2' && JSON.stringify(message).includes('ENDED'));
  await sockets[1]?.until((message) => message.id === '2' && JSON.stringify(message).includes(own));
  const seen = sockets.map(({ messages }) => JSON.stringify(messages));
  for (const text of seen) expect(text).not.toContain(other);
  expect(seen[1]).not.toContain(slow);
  for (const { socket } of sockets) socket.terminate();
});

test('T9, T9a: a run token has no more scopes, runs or time than its maker', async () => {
  const make = (maker: string, input: object) =>
    ask(
      maker,
      `mutation ($input: CreateRunTokenInput!) { createRunToken(input: $input) {
      runToken { token scopes expiresAt } } }`,
      { input },
    );
  const reader = await backend('runs:read', { exp: Math.floor(now()) + 60 });
  const { runToken: made } = (await make(reader, { runIds: [runId], expiresInSeconds: 86_400 })).data.createRunToken;
  expect(made.scopes).toEqual(['RUNS_READ']);
  expect(Date.parse(made.expiresAt)).toBeLessThanOrEqual(Date.now() + 91_000);
  expect(codes(await make(reader, { runIds: [runId], scopes: ['LOGS_READ'] }))).toEqual(['FORBIDDEN']);
  expect(codes(await make(reader, { runIds: [NEVER_GIVEN], scopes: ['ADMIN'] }))).toEqual(['FORBIDDEN']);
  expect(codes(await make(acme, { runIds: [runId, NEVER_GIVEN] }))).toEqual(['NOT_FOUND']);
  expect(codes(await make(stranger, { runIds: [runId] }))).toEqual(['NOT_FOUND']);
  expect(codes(await make(acme, { runIds: ['no id'] }))).toEqual(['NOT_FOUND']);
  const bad = [
    { runIds: [] },
    { runIds: Array.from({ length: 101 }, newRunId) },
    ...[0, -1, 86_401].map((expiresInSeconds) => ({ runIds: [runId], expiresInSeconds })),
    { runIds: [runId], scopes: [] },
  ];
  for (const input of bad) expect(codes(await make(acme, input))).toEqual(['BAD_USER_INPUT']);
  const all = await runToken(acme, [runId], ['ADMIN', 'RUNS_START']);
  for (const name of [
    'Mutation.startRun',
    'Mutation.retryRun',
    'Mutation.createApiToken',
    'Query.apiTokens',
  ] as const) {
    expect([name, codes(await ask(all, DOCUMENTS[name] ?? '', { id: runId }))]).toEqual([name, ['FORBIDDEN']]);
  }
  expect(codes(await make(all, { runIds: [otherId] }))).toEqual(['NOT_FOUND']);
  expect((await make(all, { runIds: [runId], expiresInSeconds: 86_400 })).data.createRunToken.runToken.scopes).toEqual([
    'RUNS_READ',
    'LOGS_READ',
  ]);
});

test('T9: startRun gives a token for its run alone in the same answer', async () => {
  const query = `mutation ($scopes: [Scope!]) { startRun(input: { command: ["true"] }) {
    run { id } token(scopes: $scopes, expiresInSeconds: 60) { token scopes expiresAt } } }`;
  const starter = await backend('runs:start runs:read logs:read');
  const { run, token } = (await ask(starter, query)).data.startRun;
  expect(token.scopes).toEqual(['RUNS_READ', 'LOGS_READ']);
  expect(
    (await ask(token.token, '{ runs { edges { node { id } } } viewer { subject tenant scopes expiresAt } }')).data,
  ).toEqual({
    runs: { edges: [{ node: { id: run.id } }] },
    viewer: { subject: 'backend', tenant: 'acme', scopes: ['RUNS_READ', 'LOGS_READ'], expiresAt: token.expiresAt },
  });
});

test('T9b: if the token that startRun is asked for would be refused, no run is started', async () => {
  const starter = await backend('runs:start runs:read', { tenant: 'careful' });
  const count = async () => (await ask(starter, '{ runs { edges { node { id } } } }')).data.runs.edges.length;
  const start = (variables: string, selection: string, more = '') =>
    ask(
      starter,
      `mutation ${variables} { startRun(input: { command: ["true"] }) { run { id } ${selection} } } ${more}`,
    );
  const scopes = '($scopes: [Scope!] = [ADMIN])';
  const one = 'fragment One on StartRunPayload { t: token(scopes: $scopes) { token } }';
  expect(codes(await start('', 'token(scopes: [LOGS_READ]) { token }'))).toEqual(['FORBIDDEN']);
  expect(codes(await start(scopes, '...One', one))).toEqual(['FORBIDDEN']);
  const late = '... @include(if: $yes) { token(expiresInSeconds: 0) { token } }';
  expect(codes(await start('($yes: Boolean = true)', late))).toEqual(['BAD_USER_INPUT']);
  expect(await count()).toBe(0);
  expect(await start('($yes: Boolean = false)', late)).not.toHaveProperty('errors');
  expect(await count()).toBe(1);
});

const CREATE = `mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) {
  token apiToken { id name scopes createdAt createdBy expiresAt lastUsedAt revokedAt } } }`;

test('T9: API tokens are made, listed, found by their id and revoked by admins, each in its tenant', async () => {
  const input = { name: 'ci', scopes: ['RUNS_READ'] };
  const { token, apiToken } = (await ask(acme, CREATE, { input })).data.createApiToken;
  expect(apiToken).toMatchObject({ name: 'ci', scopes: ['RUNS_READ'], createdBy: 'backend', revokedAt: null });
  expect((await ask(token, '{ viewer { subject tenant scopes } }')).data.viewer).toEqual({
    subject: 'ci',
    tenant: 'acme',
    scopes: ['RUNS_READ'],
  });
  const node = 'query ($id: ID!) { node(id: $id) { id __typename ... on ApiToken { name } } }';
  const { id } = apiToken;
  expect((await ask(acme, node, { id })).data.node).toEqual({ id, __typename: 'ApiToken', name: 'ci' });
  for (const other of [stranger, token, ADMIN_TOKEN]) expect((await ask(other, node, { id })).data.node).toBeNull();
  const revoke = DOCUMENTS['Mutation.revokeApiToken'] ?? '';
  expect(codes(await ask(stranger, revoke, { id }))).toEqual(['NOT_FOUND']);
  const [second, third] = await Promise.all(
    ['b', 'c'].map(
      async (name) => (await ask(acme, CREATE, { input: { ...input, name } })).data.createApiToken.apiToken.id,
    ),
  );
  const list = `query ($after: String) { apiTokens(first: 2, after: $after) {
    edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }`;
  const newest = (await ask(acme, list)).data.apiTokens;
  const rest = (await ask(acme, list, { after: newest.pageInfo.endCursor })).data.apiTokens;
  const ids = [...newest.edges, ...rest.edges].map((edge) => edge.node.id);
  expect(newest.pageInfo.hasNextPage).toBe(true);
  expect(ids).toEqual([second, third, id].sort().reverse().concat(ids.slice(3)));
  expect((await ask(stranger, list)).data.apiTokens.edges).toEqual([]);
  expect((await ask(acme, revoke, { id })).data.revokeApiToken.apiToken).toEqual({ id });
  const { status } = await fetch(`${url}/graphql?query={viewer{subject}}`, { headers: headersOf(token) });
  expect(status).toBe(401);
  const bad = [
    { ...input, name: '' },
    { ...input, name: 'x'.repeat(101) },
    { ...input, scopes: [] },
    { ...input, expiresAt: '2020-01-01T00:00:00Z' },
  ];
  for (const one of bad) expect(codes(await ask(acme, CREATE, { input: one }))).toEqual(['BAD_USER_INPUT']);
});

test('T9a: an API token makes none that lives longer than itself; one of an identity provider makes lasting ones', async () => {
  const input = { name: 'short', scopes: ['ADMIN'] };
  const make = async (token: string, more: object) =>
    (await ask(token, CREATE, { input: { ...input, ...more } })).data.createApiToken;
  const [soon, sooner, later] = [120, 60, 240].map((seconds) => new Date(Date.now() + seconds * 1000).toISOString());
  const { token, apiToken } = await make(acme, { expiresAt: soon });
  expect(apiToken.expiresAt).toBe(soon);
  expect((await make(token, {})).apiToken.expiresAt).toBe(soon);
  expect((await make(token, { expiresAt: later })).apiToken.expiresAt).toBe(soon);
  expect((await make(token, { expiresAt: sooner })).apiToken.expiresAt).toBe(sooner);
  const lasting = await make(acme, {});
  expect(lasting.apiToken.expiresAt).toBeNull();
  expect((await make(lasting.token, {})).apiToken.expiresAt).toBeNull();
  expect((await make(ADMIN_TOKEN, { expiresAt: later })).apiToken.expiresAt).toBe(later);
});

/** The lines of the audit trail so far. */
const audited = (): Record<string, unknown>[] =>
  service
    .out()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('"audit":true'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('T10: the audit trail says who did what, from where and with which outcome, and has no token', async () => {
  const ada = await backend('admin', { sub: 'ada' });
  const secret = 'a secret that nobody may see';
  const env = [{ name: 'S', value: secret, secret: true }];
  const id = await startRun(ada, { command: ['true'], env, idempotencyKey: 'audited twice' });
  await startRun(ada, { command: ['true'], env, idempotencyKey: 'audited twice' });
  const retried = (await ask(ada, DOCUMENTS['Mutation.retryRun'] ?? '', { id })).data.retryRun.run.id;
  await ask(ada, DOCUMENTS['Mutation.cancelRun'] ?? '', { id });
  await finished(id);
  await ask(ada, DOCUMENTS['Mutation.deleteRun'] ?? '', { id });
  await ask(stranger, DOCUMENTS['Mutation.deleteRun'] ?? '', { id: retried });
  await ask(await backend('runs:read', { sub: 'bob' }), DOCUMENTS['Mutation.cancelRun'] ?? '', { id: retried });
  const made = (await ask(ada, CREATE, { input: { name: 'cd', scopes: ['ADMIN'] } })).data.createApiToken;
  const given = await runToken(made.token, [retried]);
  await ask(ada, DOCUMENTS['Mutation.revokeApiToken'] ?? '', { id: made.apiToken.id });
  const wrong = await runToken(acme, [runId]).then((text) => `${text.slice(0, -4)}AAAA`);
  await fetch(`${url}/graphql?query={viewer{subject}}`, { headers: headersOf(wrong) });
  await fetch(`${url}/runs/${runId}/log.txt`);
  const socket = await new RawSocket(url).opened();
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${made.token}` } });
  await socket.closed;
  const by = { tenant: 'acme', subject: 'ada', address: '127.0.0.1', outcome: 'ok' };
  const expected = [
    { ...by, action: 'run.started', runId: id },
    { ...by, action: 'run.started', runId: id, repeated: true },
    { ...by, action: 'run.retried', runId: retried, retryOf: id },
    { ...by, action: 'run.cancelled', runId: id },
    { ...by, action: 'run.deleted', runId: id },
    { ...by, action: 'run.deleted', subject: 'eve', tenant: 'other', runId: retried, outcome: 'NOT_FOUND' },
    { ...by, action: 'run.cancelled', subject: 'bob', runId: retried, outcome: 'FORBIDDEN' },
    { ...by, action: 'apiToken.created', tokenId: made.apiToken.id },
    { ...by, action: 'runToken.created', subject: 'cd', byTokenId: made.apiToken.id, runIds: [retried] },
    { ...by, action: 'apiToken.revoked', tokenId: made.apiToken.id },
    ...['signature verification failed', 'no token was sent', 'the API token was revoked'].map((reason) => ({
      ...{ action: 'auth.refused', address: '127.0.0.1', outcome: 'UNAUTHENTICATED', reason },
    })),
  ];
  const lines = await until(
    () => Promise.resolve(audited()),
    // The last line of this test: other tests have the same reason before.
    (all) => {
      const at = all.findIndex(({ action, tokenId }) => action === 'apiToken.revoked' && tokenId === made.apiToken.id);
      return at >= 0 && all.slice(at).some(({ reason }) => reason === 'the API token was revoked');
    },
  );
  for (const line of expected) expect(lines).toContainEqual(expect.objectContaining(line));
  const starts = lines.filter(({ action, runId: of }) => action === 'run.started' && of === id);
  expect(starts.map(({ repeated }) => repeated)).toEqual([undefined, true]);
  for (const text of [secret, ada, given, wrong, made.token, ADMIN_TOKEN, WRITTEN])
    expect(service.out()).not.toContain(text);
});
