/** Every operation of schema/operations, sent to the real service with its typed document, as clients do. */
import { readdir, readFile } from 'node:fs/promises';
import type { ApolloClient } from '@apollo/client';
import { buildSchema, isAbstractType, Kind, parse } from 'graphql';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import * as documents from '../../schema/generated/graphql.ts';
import { possibleTypes } from '../../schema/generated/possibleTypes.ts';
import { apollo, followingClient } from '../support/clients/followers.ts';
import { startService, type TestService } from '../support/service.ts';

const SCHEMA = new URL('../../schema/', import.meta.url);
let service: TestService;
let client: ApolloClient;
beforeAll(async () => {
  service = await startService();
  const socket = followingClient(service.url);
  client = apollo(service.url, socket);
  return () => socket.dispose();
}, 90_000);
afterAll(() => service?.stop());

const command = ['sh', '-c', 'echo one; echo two >&2; echo "::output::[1,2]"; exit 3'];
const start = async (input: documents.StartRunInput = { command }) => {
  const { data } = await client.mutate({ mutation: documents.StartRunDocument, variables: { input } });
  return data?.startRun?.run ?? expect.fail('startRun gave no run');
};
/** All results of a subscription up to its end. */
const results = <T>(from: { subscribe(observer: object): unknown }): Promise<T[]> =>
  new Promise((resolve, reject) => {
    const seen: T[] = [];
    from.subscribe({
      next: ({ data, error }: { data: T; error: unknown }) => (error ? reject(error) : seen.push(data)),
      error: reject,
      complete: () => resolve(seen),
    });
  });
const finished = async (): Promise<string> => {
  const { id } = await start();
  await results(client.subscribe({ query: documents.FollowRunDocument, variables: { runId: id } }));
  return id;
};

/** One test for each operation, by the name of the operation. */
const uses: Record<string, () => Promise<void>> = {
  StartRun: async () => {
    const run = await start({ command, name: 'three', labels: [{ name: 'a', value: 'b' }], timeoutSeconds: 30 });
    expect(run).toMatchObject({ __typename: 'Run', name: 'three', command, status: 'PENDING', timeoutSeconds: 30 });
  },
  CancelRun: async () => {
    const { id } = await start({ command: ['sleep', '60'] });
    const variables = { runId: id, reason: 'enough', force: true };
    const { data } = await client.mutate({ mutation: documents.CancelRunDocument, variables });
    expect(data?.cancelRun?.run.id).toBe(id);
    const runs = await results<documents.FollowRunSubscription>(
      client.subscribe({ query: documents.FollowRunDocument, variables: { runId: id } }),
    );
    expect(runs.at(-1)?.runUpdated.status).toBe('CANCELLED');
  },
  RetryRun: async () => {
    const runId = await finished();
    const { data } = await client.mutate({ mutation: documents.RetryRunDocument, variables: { runId } });
    expect(data?.retryRun?.run).toMatchObject({ command });
    expect(data?.retryRun?.run.id).not.toBe(runId);
  },
  DeleteRun: async () => {
    const runId = await finished();
    const { data } = await client.mutate({ mutation: documents.DeleteRunDocument, variables: { runId } });
    expect(data).toEqual({ deleteRun: { __typename: 'DeleteRunPayload', deletedRunId: runId } });
  },
  RunById: async () => {
    const runId = await finished();
    const { data } = await client.query({
      query: documents.RunByIdDocument,
      variables: { runId },
      fetchPolicy: 'no-cache',
    });
    expect(data?.run).toMatchObject({
      status: 'FAILED',
      exitCode: 3,
      failure: { reason: 'NONZERO_EXIT' },
      output: [1, 2],
      lines: 2,
    });
  },
  RunDetails: async () => {
    const variables = { runId: await finished() };
    const { data } = await client.query({ query: documents.RunDetailsDocument, variables, fetchPolicy: 'no-cache' });
    expect(data?.run).toMatchObject({ input: null, retryOf: null, resources: {} });
  },
  LogUrl: async () => {
    const variables = { runId: await finished(), format: 'TXT' as const, expiresInSeconds: 30 };
    const { data } = await client.query({ query: documents.LogUrlDocument, variables, fetchPolicy: 'no-cache' });
    expect(await (await fetch(`${service.url}${data?.run?.logUrl}`)).text()).toContain('one\n');
  },
  Runs: async () => {
    const runId = await finished();
    const variables = { first: 1, filter: { status: ['FAILED' as const] } };
    const { data } = await client.query({ query: documents.RunsDocument, variables, fetchPolicy: 'no-cache' });
    expect(data?.runs?.edges.map(({ node }) => node.id)).toEqual([runId]);
  },
  FollowRun: async () => {
    const { id } = await start();
    const runs = await results<documents.FollowRunSubscription>(
      client.subscribe({ query: documents.FollowRunDocument, variables: { runId: id } }),
    );
    expect(runs.at(-1)?.runUpdated).toMatchObject({ id, status: 'FAILED', exitCode: 3 });
  },
  FollowRuns: async () => {
    const seen: documents.FollowRunsSubscription['runsUpdated'][] = [];
    const subscription = client.subscribe({ query: documents.FollowRunsDocument }).subscribe(({ data }) => {
      if (data) seen.push(data.runsUpdated);
    });
    await vi.waitUntil(() => seen[0]?.kind === 'SYNCED', { timeout: 20_000 });
    const { id } = await start();
    await vi.waitUntil(() => seen.some(({ runId, run }) => runId === id && run?.status === 'FAILED'), {
      timeout: 20_000,
    });
    subscription.unsubscribe();
    expect(seen.find(({ runId }) => runId === id)?.kind).toBe('CREATED');
  },
  FollowLog: async () => {
    const { id } = await start();
    const batches = await results<documents.FollowLogSubscription>(
      client.subscribe({ query: documents.FollowLogDocument, variables: { runId: id } }),
    );
    const events = batches.flatMap(({ runLogBatches }) => runLogBatches.events);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    const lines = events.flatMap((event) => (event.__typename === 'LogLine' ? [[event.stream, event.message]] : []));
    expect(lines.sort()).toEqual([
      ['STDERR', 'two'],
      ['STDOUT', 'one'],
    ]);
    expect(events.at(-1)).toMatchObject({ __typename: 'RunFinished', status: 'FAILED', exitCode: 3 });
  },
  FollowLogs: async () => {
    const runId = await finished();
    const seen: documents.FollowLogsSubscription['logs'][] = [];
    const variables = { filter: { text: runId }, positions: [{ runId, after: 0 }] };
    const subscription = client.subscribe({ query: documents.FollowLogsDocument, variables }).subscribe(({ data }) => {
      if (data) seen.push(data.logs);
    });
    await vi.waitUntil(() => seen.at(-1)?.change === 'ENDED', { timeout: 20_000 });
    subscription.unsubscribe();
    expect([seen[0]?.change, seen[0]?.run.id]).toEqual(['JOINED', runId]);
    const events = seen.flatMap(({ batch }) => batch?.events ?? []);
    expect(events.at(-1)).toMatchObject({ __typename: 'RunFinished', seq: events.length });
  },
  FollowLogLines: async () => {
    const runId = await finished();
    const events = await results<documents.FollowLogLinesSubscription>(
      client.subscribe({
        query: documents.FollowLogLinesDocument,
        variables: { runId, tail: 2 },
        fetchPolicy: 'no-cache',
      }),
    );
    expect(events.map(({ runLogs }) => runLogs.__typename)).toEqual(['StatusChanged', 'RunFinished']);
  },
  LogPage: async () => {
    const runId = await finished();
    const variables = { runId, last: 1, filter: { types: ['LogLine'] } };
    const { data } = await client.query({ query: documents.LogPageDocument, variables, fetchPolicy: 'no-cache' });
    expect(data?.run?.logs?.hasPrevious).toBe(true);
    expect(data?.run?.logs?.endSeq).toBe(data?.run?.lastSeq);
  },
  LogOverview: async () => {
    const variables = { runId: await finished() };
    const { data } = await client.query({ query: documents.LogOverviewDocument, variables, fetchPolicy: 'no-cache' });
    expect(data?.run?.logStats.levels).toHaveLength(6);
    expect(data?.run?.histogram.at(-1)?.seq).toBe(data?.run?.logStats.lastSeq);
  },
  SearchLog: async () => {
    const runId = await finished();
    const variables = { runId, query: { text: 'TWO' }, context: 1 };
    const { data } = await client.query({ query: documents.SearchLogDocument, variables, fetchPolicy: 'no-cache' });
    const page = data?.run?.search;
    expect(page).toMatchObject({ done: true, hits: [{ event: { message: 'two' }, ranges: [{ start: 0, end: 3 }] }] });
    expect(page?.hits[0]?.before).toHaveLength(1);
    expect(page?.hits[0]?.after).toHaveLength(1);
  },
  FollowSearch: async () => {
    const { id } = await start();
    const variables = { runId: id, query: { text: 't[wx]o', regex: true }, live: true };
    const seen = await results<documents.FollowSearchSubscription>(
      client.subscribe({ query: documents.FollowSearchDocument, variables }),
    );
    const progress = seen.map(({ runLogSearch }) => runLogSearch);
    expect(progress.flatMap(({ hits }) => hits.map(({ event }) => event.message))).toEqual(['two']);
    expect(progress.at(-1)).toMatchObject({ found: 1, done: true });
  },
  FindInLog: async () => {
    const runId = await finished();
    const variables = { runId, time: '2020-01-01T00:00:00Z' };
    const { data } = await client.query({ query: documents.FindInLogDocument, variables, fetchPolicy: 'no-cache' });
    expect(data?.run?.seqAt).toBe(1);
  },
};

const names = async (): Promise<string[]> => {
  const folder = new URL('operations/', SCHEMA);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.graphql'));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  return texts
    .flatMap((text) => parse(text).definitions)
    .flatMap((one) => (one.kind === Kind.OPERATION_DEFINITION ? [one.name?.value ?? '(without a name)'] : []));
};

test('every operation has a typed document and a test', async () => {
  const all = (await names()).sort();
  expect(Object.keys(uses).sort()).toEqual(all);
  const typed = Object.keys(documents).filter((name) => name.endsWith('Document'));
  expect(typed.map((name) => name.replace(/Document$/, '')).sort()).toEqual(all);
});

test.each(Object.entries(uses))('the operation %s works', (_name, use) => use());

test('possibleTypes has every interface and union of the schema', async () => {
  const schema = buildSchema(await readFile(new URL('schema.graphql', SCHEMA), 'utf8'));
  const expected = Object.values(schema.getTypeMap())
    .filter((type) => isAbstractType(type))
    .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]);
  expect(possibleTypes).toEqual(Object.fromEntries(expected));
});
