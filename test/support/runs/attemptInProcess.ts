/** Attempts whose supervisor and executor are the real ones, but in the test's process and without a command. */
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { storeFinalBatch } from '../../../executor/end/finalBatch.ts';
import { createOutput, type Output } from '../../../executor/output/output.ts';
import { claimAttempt } from '../../../executor/start/claim.ts';
import { reportRunning } from '../../../executor/start/reportRunning.ts';
import { LogWriter } from '../../../executor/write/logWriter.ts';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import { DEFAULT_ALLOTMENT } from '../../../src/domain/policy/allotment.ts';
import type { RunSpec } from '../../../src/domain/run.ts';
import { createRecord } from '../../../src/runs/records/creation.ts';
import { NO_EVIDENCE, writeEnd } from '../../../src/runs/supervision/ending.ts';
import { claimRun } from '../../../src/runs/supervision/runWriter.ts';
import { specOf } from './runs.ts';

const context = (redis: Redis) => ({
  redis,
  signal: AbortSignal.timeout(60_000),
  log: pino({ level: 'silent' }),
});

export const createPending = async (redis: Redis, spec: Partial<RunSpec>, maxLogBytes = 1e9): Promise<RunId> => {
  const id = newRunId();
  const limits = { maxLineBytes: 65_536, maxLogBytes, cancelGraceMs: 1000, retentionMs: 3_600_000 };
  const policy = { allotment: DEFAULT_ALLOTMENT, enforces: { memory: true, cpus: true } };
  const defaults = { defaultImage: 'process', ...policy, ...limits };
  const run = { id, tenant: 'default', createdBy: null, spec: specOf(spec), retryOf: null, idempotency: null };
  await createRecord({ redis, masterKey: Buffer.alloc(32), defaults }, run);
  return id;
};

const reclaim = async (redis: Redis, id: RunId) => {
  const claimed = await claimRun(context(redis), id, { attempt: null, statuses: ['PENDING', 'STARTING', 'RUNNING'] });
  if (claimed.code !== 'OK') throw new Error(`could not claim the log: ${claimed.code}`);
  return claimed;
};

export interface InProcessAttempt {
  readonly writer: LogWriter;
  readonly output: Output;
  /** What the executor does when its command has exited. */
  end(exitCode: number): Promise<void>;
  /** The executor is gone: what the supervisor does then. */
  lose(): Promise<void>;
}

export const startAttempt = async (redis: Redis, id: RunId, attempt: number): Promise<InProcessAttempt> => {
  const supervisor = await reclaim(redis, id);
  const timestamp = Date.now();
  const starting = { kind: 'StatusChanged', timestamp, status: 'STARTING', previous: 'PENDING', detail: null } as const;
  const changes = { status: 'STARTING', attempt, exitCode: null, failure: null, digest: null, retryAt: null } as const;
  await supervisor.writer.write([starting], { attempt, changes });
  const orders = { runId: id, attempt, redisUrl: '', runKey: null, engine: null };
  const claim = await claimAttempt(redis, orders, AbortSignal.timeout(60_000));
  if (claim === null) throw new Error('the attempt could not be claimed');
  const { run } = claim;
  const events = { onReply: () => undefined, onPressure: () => undefined };
  const writer = new LogWriter(redis, claim, LIMITS.executorBufferBytes, events);
  await reportRunning(writer, run);
  const output = createOutput({ sink: writer, maxLineBytes: run.maxLineBytes, secrets: [] });
  const outcome = { at: 0, stopCause: null, notStarted: null, outOfMemory: false };
  const end = (code: number): Promise<void> =>
    storeFinalBatch(
      writer,
      {
        run,
        previous: 'RUNNING',
        outcome: { ...outcome, exit: { code, signal: null } },
        readCancel: () => Promise.resolve(null),
        mask: (text) => output.mask(text),
      },
      writer.lost,
    );
  const lose = async (): Promise<void> => {
    await writer.flush();
    const claimed = await reclaim(redis, id);
    await writeEnd(claimed.writer, { run: claimed.run, attempt, evidence: NO_EVIDENCE });
  };
  return { writer, output, end, lose };
};
