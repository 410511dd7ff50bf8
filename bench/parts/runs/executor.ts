/** One run whose command prints a file: how fast its executor stores that, and what it costs. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../../src/domain/ids.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { parseRecord } from '../../../src/wire/runRecord.ts';
import { startRun } from '../../../test/support/clients/client.ts';
import { LineLost } from '../../load/load.ts';
import { cpuMicros } from '../../process.ts';
import { startRunloom } from '../../servers.ts';
import type { Bench } from '../part.ts';

const RUN_MS = 120_000;
const LOOK_MS = 20;

export const EXECUTOR_NOTE =
  '"executor CPU per line" is the CPU time of the executor alone. The stored log is compared with what was printed.';

export interface Printed {
  /** What the command prints. */
  readonly file: string;
  readonly lines: number;
  /** SHA-256 in hexadecimal of the log as text. */
  readonly digest: string;
  readonly secrets?: readonly string[];
}

export const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** The process of the run's executor, found by its environment; null before it starts and after it ends. */
const executorOf = async (runId: string): Promise<number | null> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!command.includes('executor/main.ts')) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.includes(`RUN_ID=${runId}`)) return Number(pid);
  }
  return null;
};

/** CPU time of the executor as it was last seen before its end, microseconds. */
const watchCpu = async (runId: string, isDone: () => boolean): Promise<number> => {
  let pid: number | null = null;
  let micros = 0;
  while (!isDone()) {
    pid ??= await executorOf(runId);
    try {
      if (pid !== null) micros = cpuMicros(pid);
    } catch {
      break;
    }
    await delay(LOOK_MS);
  }
  return micros;
};

/** Resolves with the run's record when its log is closed. @throws Error after two minutes */
const untilClosed = async ({ redis }: Bench, runId: RunId) => {
  const deadline = performance.now() + RUN_MS;
  for (;;) {
    if (performance.now() > deadline) throw new Error('the command did not end within 120 s');
    await delay(50);
    const run = parseRecord(await redis.hgetall(recordKey(runId)), runId);
    if (run?.closed === true) return run;
  }
};

/** @throws LineLost where the stored log is not what the command printed */
export const measureExecutor = async ({ file, lines, digest, secrets = [] }: Printed, bench: Bench) => {
  const { redis, redisUrl } = bench;
  await using server = await startRunloom({ redisUrl, env: { MAX_LOG_BYTES: String(2 ** 40) } });
  const url = `http://127.0.0.1:${server.port}`;
  const env = secrets.map((value, i) => ({ name: `SECRET_${i}`, value, secret: true }));
  const runId = (await startRun(url, { command: ['cat', file], env })) as RunId;
  let done = false;
  const watching = watchCpu(runId, () => done);
  const run = await untilClosed(bench, runId);
  done = true;
  const executorMicros = await watching;
  if (run.lines !== lines) throw new LineLost(`the log has ${run.lines} of ${lines} lines`);
  if ((await digestOf(`${url}/runs/${runId}/log.txt`)) !== digest) {
    throw new LineLost('the stored log is not what the command printed');
  }
  const seconds = ((run.finishedAt ?? 0) - (run.startedAt ?? 0)) / 1000;
  const batches = await redis.xlen(logKey(runId));
  const memory = Number(await redis.call('MEMORY', 'USAGE', logKey(runId), 'SAMPLES', '0'));
  await redis.del(logKey(runId));
  return {
    linesPerSecond: lines / seconds,
    executorCpuMicrosPerLine: executorMicros / lines,
    linesPerBatch: lines / batches,
    redisBytesPerLine: memory / lines,
  };
};

const digestOf = async (url: string): Promise<string> => {
  const response = await fetch(url);
  const hash = createHash('sha256');
  for await (const chunk of response.body ?? []) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
};
