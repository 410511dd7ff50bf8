/** Executors as the process launcher starts them, for runs that a supervisor has claimed and set to STARTING. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { vi } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import { isCommandLine } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { appendBatch, claimLog } from '../../../src/wire/append.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { decodeBatch } from '../../../src/wire/codec.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { parseRecord } from '../../../src/wire/runRecord.ts';
import { createRun } from '../log.ts';

const MAIN = fileURLToPath(new URL('../../../executor/main.ts', import.meta.url));
/** For vi.waitFor: long, because a busy machine is not a failure. */
export const WAIT = { timeout: 20_000, interval: 20 } as const;

export const RUN_KEY = Buffer.alloc(32, 7);

/** Path of a small program in test/fixtures/commands. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/commands/${name}`, import.meta.url));

/** A run that a supervisor has set to STARTING; it has events with seq 1 and 2. */
export const startingRun = async (redis: Redis, changes: Partial<RunRecord> = {}): Promise<RunId> => {
  const id = await createRun(redis, changes);
  await becomeStarting(redis, id, changes.nextAttempt ?? 1);
  return id;
};

export const becomeStarting = async (redis: Redis, id: RunId, attempt: number): Promise<void> => {
  const writer = `supervisor of ${attempt}`;
  const claim = await claimLog(redis, id, { writer, attempt, statuses: ['PENDING'] });
  if (claim.code !== 'OK') throw new Error(`could not claim the log: ${claim.code}`);
  const firstSeq = claim.run.lastSeq + 1;
  const timestamp = Date.now();
  await appendBatch(redis, id, {
    term: claim.run.term,
    writer,
    firstSeq,
    count: 1,
    batch: encodeBatch(
      [{ kind: 'StatusChanged', timestamp, status: 'STARTING', previous: 'PENDING', detail: null }],
      firstSeq,
      attempt,
    ),
    lines: 0,
    messageBytes: 0,
    closes: false,
    changes: { status: 'STARTING', attempt, exitCode: null, failure: null, digest: null, retryAt: null },
  });
};

export interface TestExecutor extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Directory of the attempt. */
  readonly directory: string;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** Its output so far, which is for operators. */
  readonly printed: () => string;
}

export const startExecutor = async (
  redisUrl: string,
  id: RunId,
  options: {
    readonly attempt?: number;
    readonly variables?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
  } = {},
): Promise<TestExecutor> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-attempt-'));
  const child = spawn(process.execPath, ['--no-warnings', MAIN, `--workspace=${directory}`, ...(options.args ?? [])], {
    cwd: directory,
    env: {
      PATH: process.env.PATH ?? '',
      RUN_ID: id,
      RUN_ATTEMPT: String(options.attempt ?? 1),
      REDIS_URL: redisUrl,
      RUN_KEY: RUN_KEY.toString('base64url'),
      ...options.variables,
    },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-4096);
  });
  const { promise: exited, resolve } = Promise.withResolvers<number | string>();
  child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  return {
    child,
    pid: child.pid ?? 0,
    directory,
    exited,
    printed: () => printed,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        // First let it end by itself, so that it ends its command too.
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), 3000).unref();
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
};

export const readRun = async (redis: Redis, id: RunId): Promise<RunRecord> => {
  const run = parseRecord(await redis.hgetall(recordKey(id)), id);
  if (run === null) throw new Error('the run does not exist any more');
  return run;
};

/** All stored events, in the order of the stream. */
export const readEvents = async (redis: Redis, id: RunId): Promise<RunEvent[]> => {
  const entries = await redis.xrangeBuffer(logKey(id), '-', '+');
  return entries.flatMap(([, fields]) => decodeBatch(fields[1] ?? Buffer.alloc(0)));
};

/** Messages of the lines of the command. */
export const messages = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'LogLine' && isCommandLine(event) ? [event.message] : []));

/** SHA-256 of the lines, computed as RunFinished.digest is. */
export const digestOf = (lines: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
};

/** Whether the seqs are 1, 2, 3, … without a hole or a repeat. */
export const isWhole = (events: readonly RunEvent[]): boolean => events.every((event, at) => event.seq === at + 1);

/** Waits until the log has a line with this message. */
export const untilLine = (redis: Redis, id: RunId, message: string): Promise<void> =>
  vi.waitFor(async () => {
    if (!messages(await readEvents(redis, id)).includes(message)) throw new Error(`no line "${message}" yet`);
  }, WAIT);

export const untilStatus = (redis: Redis, id: RunId, status: RunRecord['status']): Promise<RunRecord> =>
  vi.waitFor(async () => {
    const run = await readRun(redis, id);
    if (run.status !== status) throw new Error(`the run is ${run.status}`);
    return run;
  }, WAIT);

/** Waits until the process has ended. */
export const untilGone = (pid: number): Promise<void> =>
  vi.waitFor(() => {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    throw new Error(`process ${pid} still runs`);
  }, WAIT);
