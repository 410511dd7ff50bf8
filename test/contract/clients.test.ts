/** Real clients against the real service. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApolloClient, CombinedGraphQLErrors } from '@apollo/client';
import { print } from 'graphql';
import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  CancelRunDocument,
  FollowLogDocument,
  FollowRunDocument,
  RunByIdDocument,
  StartRunDocument,
} from '../../schema/generated/graphql.ts';
import { audit, request, startRun } from '../support/clients/client.ts';
import { apollo, followers, followingClient, serverSentEvents, urql } from '../support/clients/followers.ts';
import { type LinkProxy, startLinkProxy } from '../support/network/linkProxy.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

let data: DataDirectory;
let service: StartedService;
let proxy: LinkProxy;
const start = async (): Promise<string> => {
  service = spawnService({ env: { DATA_DIR: data.path } });
  return await service.address();
};
beforeAll(async () => {
  data = await dataDirectory();
  proxy = await startLinkProxy(await start());
}, 90_000);
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  service?.child.kill('SIGTERM');
  await service?.ended;
  await data?.[Symbol.asyncDispose]();
});

/** Ends the service, as a deployment or a crash does, and starts another one with the same DATA_DIR. */
const restart = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  service.child.kill(signal);
  proxy.target(null);
  await service.ended;
  proxy.target(await start());
};

/** Prints 5 lines every 10 ms until the file exists. */
const untilFile = (file: string): string[] => [
  process.execPath,
  '-e',
  `const { existsSync } = require('node:fs'); let i = 0;
   const timer = setInterval(() => { for (let k = 0; k < 5; k += 1) console.log('line ' + ++i + ' — ünïcode');
     if (existsSync(${JSON.stringify(file)})) clearInterval(timer); }, 10);`,
];

test('after five lost connections, every client has each event once and the right digest', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-clients-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'enough');
  const runId = await startRun(proxy.url, { command: untilFile(file) });
  const cache: { apollo?: ApolloClient } = {};
  const all = followers(proxy.url, runId, cache);
  /** Resolves when each client has received `events` more events; rejects if a client ends before that. */
  const onward = async (events: number): Promise<void> => {
    const from = all.map((one) => one.events.length);
    const failed = Promise.race(all.map((one) => one.ended.then(() => Promise.reject(new Error(one.name)))));
    const moved = vi.waitUntil(() => all.every((one, i) => one.events.length >= (from[i] ?? 0) + events), {
      timeout: 30_000,
    });
    await Promise.race([moved, failed]);
  };
  const losses = [
    () => proxy.cut(),
    () => restart('SIGTERM'),
    () => proxy.cut(),
    () => restart('SIGKILL'),
    () => proxy.cut(),
  ];
  for (const [i, lose] of losses.entries()) {
    await onward(100);
    await lose();
    // Data in flight can still arrive. Without this wait, a client could notice two losses as one.
    await vi.waitUntil(() => all.every((one) => one.losses > i), { timeout: 30_000 });
  }
  await onward(100);
  await writeFile(file, '');
  await Promise.all(all.map((one) => one.ended));

  const { data: answer } = await request(proxy.url, 'query ($id: ID!) { run(id: $id) { lastSeq lines digest } }', {
    id: runId,
  });
  const run = answer?.run as { lastSeq: number; lines: number; digest: string };
  const figures: string[] = [];
  for (const one of all) {
    const seqs = new Set(one.events.map(({ seq }) => seq));
    const lost = run.lastSeq - seqs.size;
    const repeated = one.events.length - seqs.size;
    figures.push(`${one.name}: ${one.losses} losses, ${lost} events lost, ${repeated} repeated`);
    expect([one.name, lost, repeated]).toEqual([one.name, 0, 0]);
    expect([one.name, one.losses >= 5]).toEqual([one.name, true]);
    expect([one.name, audit(one.events)]).toMatchObject([
      one.name,
      { holes: 0, repeats: 0, finished: true, lines: run.lines, digest: run.digest },
    ]);
  }
  process.stdout.write(`${run.lines} lines\n${figures.join('\n')}\n`);
  // With Apollo's default fetch policy, the cache contains one batch, however many arrived.
  expect(Object.keys(cache.apollo?.extract() ?? {})).toEqual(['ROOT_SUBSCRIPTION']);
}, 120_000);

const NOWHERE = '0190b0c0-0000-7000-8000-000000000000';
const socketClient = () => {
  const client = followingClient(proxy.url);
  onTestFinished(() => void client.dispose());
  return client;
};

test('after an hour of log, the cache of Apollo contains one batch, and nothing with no-cache', async () => {
  // About an hour at five lines per second: 20,000 lines.
  const runId = await startRun(proxy.url, { command: ['seq', '-f', 'line %.0f', '20000'] });
  for (const [fetchPolicy, most] of [
    ['cache-first', 250_000],
    ['no-cache', 2],
  ] as const) {
    const client = apollo(proxy.url, socketClient());
    let lines = 0;
    await new Promise<void>((resolve, reject) => {
      client.subscribe({ query: FollowLogDocument, variables: { runId }, fetchPolicy }).subscribe({
        next: ({ data, error }) => {
          if (error) reject(error);
          lines += data?.runLogBatches.events.filter(({ __typename }) => __typename === 'LogLine').length ?? 0;
        },
        error: reject,
        complete: resolve,
      });
    });
    expect(lines).toBe(20_000);
    expect(JSON.stringify(client.extract()).length).toBeLessThanOrEqual(most);
  }
});

test('Apollo Client reports the codes of errors', async () => {
  const client = apollo(proxy.url, socketClient());
  const codes = (error: unknown) =>
    CombinedGraphQLErrors.is(error)
      ? error.errors.map(({ extensions }) => [extensions?.code, extensions?.argument])
      : error;
  const caught = (work: Promise<unknown>) => work.then(() => null, codes);
  expect(await caught(client.mutate({ mutation: CancelRunDocument, variables: { runId: NOWHERE } }))).toEqual([
    ['NOT_FOUND', undefined],
  ]);
  expect(await caught(client.mutate({ mutation: StartRunDocument, variables: { input: { command: [] } } }))).toEqual([
    ['BAD_USER_INPUT', 'input.command'],
  ]);
  expect((await client.query({ query: RunByIdDocument, variables: { runId: NOWHERE } })).data).toEqual({ run: null });
  const refused = (variables: { runId: string; after?: number }) =>
    new Promise((resolve) => {
      client.subscribe({ query: FollowLogDocument, variables }).subscribe({
        next: ({ error }) => (error ? resolve(codes(error)) : undefined),
        complete: () => resolve('complete'),
      });
    });
  expect(await refused({ runId: NOWHERE })).toEqual([['NOT_FOUND', undefined]]);
  expect(await refused({ runId: NOWHERE, after: -1 })).toEqual([['BAD_USER_INPUT', 'after']]);
});

test('urql reports the codes of errors', async () => {
  const client = urql(proxy.url, socketClient());
  const codes = (result: {
    readonly error?:
      | { readonly graphQLErrors: readonly { readonly extensions: Record<string, unknown> }[] }
      | undefined;
  }) => result.error?.graphQLErrors.map(({ extensions }) => [extensions.code, extensions.argument]);
  expect(codes(await client.mutation(CancelRunDocument, { runId: NOWHERE }))).toEqual([['NOT_FOUND', undefined]]);
  expect(codes(await client.mutation(StartRunDocument, { input: { command: [] } }))).toEqual([
    ['BAD_USER_INPUT', 'input.command'],
  ]);
  expect((await client.query(RunByIdDocument, { runId: NOWHERE })).data).toEqual({ run: null });
  const refused = (variables: { runId: string; after?: number }) =>
    new Promise((resolve) => {
      client.subscription(FollowLogDocument, variables).subscribe((result) => resolve(codes(result)));
    });
  expect(await refused({ runId: NOWHERE })).toEqual([['NOT_FOUND', undefined]]);
  expect(await refused({ runId: NOWHERE, after: -1 })).toEqual([['BAD_USER_INPUT', 'after']]);
});

test('graphql-ws and server-sent events report the codes of errors', async () => {
  const client = socketClient();
  const query = print(FollowLogDocument);
  const refused = (variables: Record<string, unknown>, text = query) =>
    new Promise((resolve) => {
      client.subscribe(
        { query: text, variables },
        { next: () => undefined, error: resolve, complete: () => resolve('complete') },
      );
    });
  expect(await refused({ runId: NOWHERE })).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  expect(await refused({ runId: NOWHERE, after: -1 })).toMatchObject([
    { extensions: { code: 'BAD_USER_INPUT', argument: 'after' } },
  ]);
  expect(await refused({}, 'subscription { nothing }')).toMatchObject([
    { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
  ]);
  expect(await refused({}, 'subscription {')).toMatchObject([{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }]);
  const sent = async (variables: Record<string, unknown>) => {
    for await (const { event, data } of serverSentEvents(proxy.url, query, variables)) {
      if (event === 'next') return JSON.parse(data).errors[0].extensions;
    }
  };
  expect(await sent({ runId: NOWHERE })).toMatchObject({ code: 'NOT_FOUND' });
  expect(await sent({ runId: NOWHERE, after: -1 })).toMatchObject({ code: 'BAD_USER_INPUT', argument: 'after' });
});

test('a subscription to runUpdated ends when the run has ended', async () => {
  const runId = await startRun(proxy.url, { command: ['true'] });
  const client = apollo(proxy.url, socketClient());
  const statuses = await new Promise<string[]>((resolve, reject) => {
    const seen: string[] = [];
    client.subscribe({ query: FollowRunDocument, variables: { runId } }).subscribe({
      next: ({ data }) => void seen.push(data?.runUpdated.status ?? ''),
      error: reject,
      complete: () => resolve(seen),
    });
  });
  expect(statuses.at(-1)).toBe('COMPLETED');
});

test('all audits of graphql-http pass', async () => {
  const audits = await auditServer({ url: `${proxy.url}/graphql` });
  expect(audits.length).toBeGreaterThan(50);
  expect(audits.filter(({ status }) => status !== 'ok').map(({ name, status }) => `${status}: ${name}`)).toEqual([]);
});
