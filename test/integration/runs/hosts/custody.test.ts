/** One service, and attempts on an engine that it does not see: their executors are processes of the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../../src/domain/ids.ts';
import type { RunRecord } from '../../../../src/domain/run.ts';
import { ACTIVE_RUNS } from '../../../../src/runs/records/indexKeys.ts';
import { leaseKey, recordKey } from '../../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../../support/redis/redis.ts';
import { RUN_KEY, readEvents, readRun, startExecutor, startingRun, untilGone } from '../../../support/runs/executor.ts';
import { openService, type TestService, until } from '../../../support/runs/runs.ts';

const ELSEWHERE = 'process:elsewhere';
/** Twenty heartbeats of these executors. */
const SILENCE_MS = 4000;
const BEAT_MS = 200;
const STUCK_MS = 50_000;

let server: TestRedis;
let service: TestService;
let directory: string;
beforeAll(async () => {
  server = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'rl-custody-'));
  service = await openService({ server, directory, masterKey: RUN_KEY, silenceMs: SILENCE_MS });
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A run whose attempt another host has begun and not launched yet. */
const begunElsewhere = async (script: string, changes: Partial<RunRecord> = {}): Promise<RunId> => {
  const id = await startingRun(service.redis, { command: ['sh', '-c', script], cancelGraceMs: 500, ...changes });
  await service.redis.hset(recordKey(id), { engine: ELSEWHERE, writer: 'supervisor:gone' });
  return id;
};
const executorElsewhere = (id: RunId) =>
  startExecutor(server.url, id, { variables: { RUN_ENGINE: ELSEWHERE }, args: [`--beat-ms=${BEAT_MS}`] });
/** The service finds the run from here on. */
const showToService = (id: RunId): Promise<unknown> => service.redis.zadd(ACTIVE_RUNS, 0, id);
const untilRun = (id: RunId, enough: (run: RunRecord) => boolean): Promise<RunRecord> =>
  until(() => readRun(service.redis, id), enough, STUCK_MS);
const untilGuarded = (id: RunId): Promise<unknown> =>
  until(
    () => service.redis.get(leaseKey(id)),
    (holder) => holder?.startsWith('guard:') === true,
    STUCK_MS,
  );
const containerEvents = async (id: RunId): Promise<string[]> =>
  (await readEvents(service.redis, id)).flatMap((event) =>
    event.kind === 'ContainerEvent' ? [event.containerEvent] : [],
  );
/** A running attempt elsewhere, guarded by the service. `pid`: of its command. */
const guarded = async (script: string, changes: Partial<RunRecord> = {}) => {
  const id = await begunElsewhere(`echo $$; ${script}`, changes);
  const executor = await executorElsewhere(id);
  await untilRun(id, ({ lines }) => lines > 0);
  await showToService(id);
  await untilGuarded(id);
  const pid = (await readEvents(service.redis, id)).flatMap((one) =>
    one.kind === 'LogLine' ? [Number(one.message)] : [],
  )[0];
  return { id, executor, pid: pid ?? 0 };
};

test.concurrent('H1, H2: a silent command on an unseen engine goes on as long as its executor shows that it is alive; then it is EXECUTOR_LOST', async () => {
  const { id, executor, pid } = await guarded('sleep 300');
  await using _ = executor;
  const beats = new Set<number | null>();
  await untilRun(id, ({ beat }) => beats.add(beat).size > (1.5 * SILENCE_MS) / BEAT_MS);
  expect(await readRun(service.redis, id)).toMatchObject({ status: 'RUNNING', engine: ELSEWHERE });
  process.kill(executor.pid, 'SIGSTOP');
  const lost = await untilRun(id, ({ closed }) => closed);
  expect(lost).toMatchObject({ status: 'FAILED', failure: { reason: 'EXECUTOR_LOST' } });
  expect(await containerEvents(id)).toEqual(['STARTED', 'UNREACHABLE']);
  // It was only stopped: it learns that the log is another's, and ends its command.
  process.kill(executor.pid, 'SIGCONT');
  expect(await executor.exited).toBe(4);
  await untilGone(pid);
}, 120_000);

test.concurrent('H3: the executor writes the end of an attempt that is only guarded, and the next attempt follows', async () => {
  const open = join(directory, 'open');
  const { id, executor } = await guarded(`until [ -e ${open} ]; do sleep 0.05; done; exit 3`, { maxAttempts: 2 });
  await using _ = executor;
  await writeFile(open, '');
  expect(await executor.exited).toBe(0);
  const run = await untilRun(id, ({ closed }) => closed);
  expect(run).toMatchObject({ status: 'FAILED', attempt: 2, engine: service.launcher.engine });
  expect(run.failure).toMatchObject({ reason: 'NONZERO_EXIT' });
}, 120_000);

test.concurrent('H4: an attempt that no executor has claimed is started on another engine; one that is started late is refused', async () => {
  const open = join(directory, 'moved');
  const id = await begunElsewhere(`until [ -e ${open} ]; do sleep 0.05; done; echo done`);
  await showToService(id);
  await untilRun(id, ({ status }) => status === 'RUNNING');
  await using late = await executorElsewhere(id);
  expect(await late.exited).toBe(3);
  await writeFile(open, '');
  const run = await untilRun(id, ({ closed }) => closed);
  expect(run).toMatchObject({ status: 'COMPLETED', attempt: 1, lines: 1, engine: service.launcher.engine });
  expect(await containerEvents(id)).toEqual(expect.arrayContaining(['MOVED', 'STARTED']));
}, 120_000);

test.concurrent('H5: a cancel reaches an executor on an unseen engine, with its grace period and by force', async () => {
  const runs = await Promise.all([
    guarded('exec sleep 300'),
    guarded("trap '' TERM; while :; do sleep 0.1; done", { cancelGraceMs: 300_000 }),
  ]);
  for (const [i, { id }] of runs.entries()) await service.runs.cancel(id, 'enough', i === 1);
  for (const { id, executor } of runs) {
    await using _ = executor;
    expect(await untilRun(id, ({ closed }) => closed)).toMatchObject({ status: 'CANCELLED', cancelReason: 'enough' });
    expect(await containerEvents(id)).toEqual(['STARTED']);
    expect(await executor.exited).toBe(0);
  }
}, 120_000);

test.concurrent('H5: a forced cancel ends the run although its executor hangs and no service sees its engine; the log says so', async () => {
  const { id, executor, pid } = await guarded('sleep 300');
  await using _ = executor;
  process.kill(executor.pid, 'SIGSTOP');
  await service.runs.cancel(id, null, true);
  expect(await untilRun(id, ({ closed }) => closed)).toMatchObject({ status: 'CANCELLED' });
  expect(await containerEvents(id)).toEqual(['STARTED', 'UNREACHABLE']);
  process.kill(executor.pid, 'SIGCONT');
  expect(await executor.exited).toBe(4);
  await untilGone(pid);
}, 120_000);
