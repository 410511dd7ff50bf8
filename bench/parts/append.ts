/** One executor at a real command's pipe: how many lines per second get into the log. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../src/domain/ids.ts';
import { logKey, recordKey } from '../../src/wire/keys.ts';
import { parseRecord } from '../../src/wire/runRecord.ts';
import { startRun } from '../../test/support/clients/client.ts';
import { LINE_BYTES, linesFrom, stampNow } from '../lines.ts';
import { LineLost } from '../load/load.ts';
import { roundsOf } from '../options.ts';
import { cpuMicros } from '../process.ts';
import { type Cell, inRounds } from '../rounds.ts';
import { startRunloom } from '../servers.ts';
import { medians } from '../statistics.ts';
import type { Bench, Part } from './part.ts';

const LINES = 1_000_000;
const SECRETS = [0, 50] as const;
/** One line in so many holds a secret. */
const SECRET_EVERY = 50;
const RUN_MS = 120_000;

const secretsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => createHash('sha256').update(`secret ${i}`).digest('base64url').slice(0, 20));

/** The text that the command prints: in some lines a secret stands in the middle. */
const makeText = (secrets: readonly string[]): Buffer => {
  const text = linesFrom(1, LINES, stampNow());
  if (secrets.length === 0) return text;
  for (let line = 0; line < LINES; line += SECRET_EVERY) {
    text.write(secrets[(line / SECRET_EVERY) % secrets.length] ?? '', line * (LINE_BYTES + 1) + 40, 'latin1');
  }
  return text;
};

/** The process of the run's executor, by its environment; null where there is none (yet, or any more). */
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

/** CPU time of a process up to its end, about. */
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
    await delay(20);
  }
  return micros;
};

const measure = async (bench: Bench, file: string, text: Buffer, secrets: readonly string[]) => {
  const { redis, redisUrl } = bench;
  await using server = await startRunloom({ redisUrl, env: { MAX_LOG_BYTES: String(2 ** 40) } });
  const url = `http://127.0.0.1:${server.port}`;
  const env = secrets.map((value, i) => ({ name: `SECRET_${i}`, value, secret: true }));
  const runId = (await startRun(url, { command: ['cat', file], env })) as RunId;
  let done = false;
  const watching = watchCpu(runId, () => done);
  const deadline = performance.now() + RUN_MS;
  let run = null;
  while (run === null || !run.closed) {
    if (performance.now() > deadline) throw new Error('the command did not end');
    await delay(50);
    run = parseRecord(await redis.hgetall(recordKey(runId)));
  }
  done = true;
  const executorMicros = await watching;
  if (run.lines !== LINES) throw new LineLost(`the log has ${run.lines} of ${LINES} lines`);
  await check(`${url}/runs/${runId}/log.txt`, text, secrets);
  const seconds = ((run.finishedAt ?? 0) - (run.startedAt ?? 0)) / 1000;
  const batches = await redis.xlen(logKey(runId));
  const memory = Number(await redis.call('MEMORY', 'USAGE', logKey(runId), 'SAMPLES', '0'));
  await redis.del(logKey(runId));
  return {
    linesPerSecond: LINES / seconds,
    executorCpuMicrosPerLine: executorMicros / LINES,
    linesPerBatch: LINES / batches,
    redisBytesPerLine: memory / LINES,
  };
};

/** The stored log must be what the command printed, byte by byte, with the secrets hidden. @throws LineLost */
const check = async (url: string, text: Buffer, secrets: readonly string[]): Promise<void> => {
  const response = await fetch(url);
  const hash = createHash('sha256');
  for await (const chunk of response.body ?? []) hash.update(chunk as Uint8Array);
  let expected = text.toString('latin1');
  if (secrets.length > 0) expected = expected.replaceAll(new RegExp(secrets.join('|'), 'g'), '***');
  if (hash.digest('hex') !== createHash('sha256').update(expected, 'latin1').digest('hex')) {
    throw new LineLost('the stored log is not what the command printed');
  }
};

export const appendPart: Part = {
  name: 'append',
  async run(bench) {
    const directory = await mkdtemp(join(tmpdir(), 'rl-bench-'));
    const rounds = roundsOf(bench.options, true);
    try {
      const cells: Cell<Awaited<ReturnType<typeof measure>>>[] = [];
      for (const count of SECRETS) {
        const secrets = secretsOf(count);
        const text = makeText(secrets);
        const file = join(directory, `lines-${count}.txt`);
        await writeFile(file, text);
        const name = `${LINES} lines from a command's pipe, ${count} secrets`;
        cells.push({ name, rounds, measure: () => measure(bench, file, text, secrets) });
      }
      const taken = await inRounds(cells, bench.say);
      const rows = SECRETS.map((secrets, i) => ({ secrets, takes: rounds, ...medians(taken[i] ?? []) }));
      return [{ title: `One executor: ${LINES} lines of \`cat\``, rows }];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
