/** Two hosts on one Redis: each sees the executors of its own engine only. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunId } from '../../../../src/domain/ids.ts';
import { leaseKey, recordKey } from '../../../../src/wire/keys.ts';
import { audit, type ClientEvent, startRun, wsClient } from '../../../support/clients/client.ts';
import { hostsMissing, signalService, startHost, type TestHost } from '../../../support/host.ts';
import { startRedis, type TestRedis } from '../../../support/redis/redis.ts';
import { expectOneEnd, shell } from '../../../support/runs/lifecycle.ts';
import { until } from '../../../support/runs/runs.ts';
import type { StartedService } from '../../../support/startedService.ts';

/** Long: it only ends a test that would hang. */
const STUCK_MS = 60_000;
const RUNS = 12;

/** Follows the log to its end, from one service after the other: it resumes after the event that came last. */
const followAll = async (urls: readonly string[], at: number, runId: string): Promise<readonly ClientEvent[]> => {
  const events: ClientEvent[] = [];
  for (let turn = at; events.at(-1)?.__typename !== 'RunFinished'; turn += 1) {
    const client = wsClient(urls[turn % urls.length] ?? '');
    const query = `subscription ($runId: ID!, $after: Int) { runLogBatches(runId: $runId, after: $after) {
      events { __typename seq ... on LogLine { stream message } ... on LinesDropped { fromSeq } } } }`;
    const after = events.at(-1)?.seq ?? 0;
    try {
      const log = client.iterate<{ runLogBatches: { events: ClientEvent[] } }>({ query, variables: { runId, after } });
      for await (const { data } of log) events.push(...(data?.runLogBatches.events ?? []));
    } catch {
      // The service is gone; the other one is asked, or the next one on that host.
    }
    await client.dispose();
  }
  return events;
};

describe.skipIf(hostsMissing() !== null)('two hosts on one Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  let hosts: readonly TestHost[];
  let directory: string;
  const services: StartedService[] = [];
  const serve = async (nth: number): Promise<string> => {
    const service = hosts[nth]?.serve({ REDIS_URL: server.url, MAX_CONCURRENT_RUNS: String(RUNS / 2) });
    if (service === undefined) throw new Error('no such host');
    services[nth] = service;
    return await service.address();
  };
  beforeAll(async () => {
    server = await startRedis();
    redis = await server.connect();
    hosts = await Promise.all([startHost(), startHost()]);
    directory = await mkdtemp(join(tmpdir(), 'rl-hosts-'));
  });
  afterAll(async () => {
    for (const host of hosts ?? []) await host[Symbol.asyncDispose]();
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  interface Seen {
    readonly status: string | null;
    readonly engine: string | null;
    /** The kind of lease that a process has on it. */
    readonly held: 'owner' | 'guard' | null;
  }
  const look = (ids: readonly RunId[]): Promise<Seen[]> =>
    Promise.all(
      ids.map(async (id) => {
        const [[status = null, engine = null], lease] = await Promise.all([
          redis.hmget(recordKey(id), 'status', 'engine'),
          redis.get(leaseKey(id)),
        ]);
        return { status, engine, held: lease === null ? null : lease.startsWith('guard:') ? 'guard' : 'owner' };
      }),
    );

  const isGuardedOrEnded = (all: readonly Seen[]): boolean =>
    all.filter(({ held }) => held === 'guard').length === RUNS / 2 || all.some(({ status }) => status !== 'RUNNING');
  /** The leases of a service that was killed, 10 s earlier than they expire. */
  const expireLeases = async (nth: number, ids: readonly RunId[]): Promise<void> => {
    const runs = await look(ids);
    const own = ids.filter((_, i) => hosts[nth]?.has(runs[i]?.engine ?? null) === true);
    expect(own).toHaveLength(RUNS / 2);
    await redis.del(...own.map(leaseKey));
  };

  test('H1, H3: restarting one host after the other, by SIGTERM and by kill -9, ends no run, and no viewer loses or repeats an event', async () => {
    const urls = [await serve(0), await serve(1)];
    const open = join(directory, 'open');
    const command = shell(`n=0; until [ -e ${open} ]; do n=$((n+1)); echo $n; sleep 0.1; done; echo end`);
    const ids: RunId[] = [];
    for (let i = 0; i < RUNS; i += 1) ids.push((await startRun(urls[i % 2] ?? '', command)) as RunId);
    await until(
      () => look(ids),
      (all) => all.every(({ status }) => status === 'RUNNING'),
      STUCK_MS,
    );
    const engines = [...new Set((await look(ids)).map(({ engine }) => engine))];
    expect(engines).toHaveLength(2);

    const viewing = ids.slice(0, 4).map((id, i) => followAll(urls, i, id));
    for (const [nth, signal] of (['SIGTERM', 'SIGKILL'] as const).entries()) {
      const gone = services[nth];
      if (gone === undefined) throw new Error('not started');
      await signalService(gone, signal);
      if (signal === 'SIGKILL') await expireLeases(nth, ids);
      const half = await until(() => look(ids), isGuardedOrEnded, STUCK_MS);
      expect(half.filter(({ status }) => status === 'RUNNING')).toHaveLength(RUNS);
      urls[nth] = await serve(nth);
      viewing.push(followAll(urls, nth, ids[nth] as RunId));
      await until(
        () => look(ids),
        (all) => all.every(({ held }) => held === 'owner'),
        STUCK_MS,
      );
    }
    await writeFile(open, '');
    for (const id of ids)
      expect((await expectOneEnd(urls[0] ?? '', id)).run).toMatchObject({ status: 'COMPLETED', attempt: 1 });
    for (const one of viewing) expect(audit(await one)).toMatchObject({ holes: 0, repeats: 0, finished: true });
  }, 180_000);
});
