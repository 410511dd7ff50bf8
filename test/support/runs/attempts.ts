/** Attempts for tests of launchers: a record that an executor can claim, and what the executor wrote. */
import type { Redis } from 'ioredis';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import type { Execution, Launcher, LaunchProgress, LaunchSpec } from '../../../src/launchers/launcher.ts';
import { decodeBatch } from '../../../src/wire/codec.ts';
import { logKey } from '../../../src/wire/keys.ts';
import { createRun } from '../log.ts';

export interface AttemptOptions {
  readonly command: readonly string[];
  readonly image?: string | null;
  readonly resources?: LaunchSpec['resources'];
  readonly changes?: Partial<RunRecord>;
}

/** A run in STARTING, and the spec to launch its first attempt. */
export const newAttempt = async (
  redis: Redis,
  redisUrl: string,
  { command, image = null, resources = { cpus: null, memoryMb: null }, changes = {} }: AttemptOptions,
): Promise<LaunchSpec> => {
  const runId = await createRun(redis, { command, resources, status: 'STARTING', cancelGraceMs: 1000, ...changes });
  const environment = { RUN_ID: runId, RUN_ATTEMPT: '1', REDIS_URL: redisUrl };
  return { runId, attempt: 1, image, resources, stopGraceMs: changes.cancelGraceMs ?? 1000, environment };
};

/** All present events of the log. */
export const eventsOf = async (redis: Redis, runId: RunId): Promise<readonly RunEvent[]> => {
  const entries = await redis.xrangeBuffer(logKey(runId), '-', '+');
  return entries.flatMap(([, fields]) => decodeBatch(fields[1] ?? Buffer.alloc(0)));
};

/** The text of all lines, each with its LF. */
export const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.kind === 'LogLine' ? `${event.message}\n` : '')).join('');

export const endOf = (events: readonly RunEvent[]): Extract<RunEvent, { kind: 'RunFinished' }> | null => {
  const last = events.at(-1);
  return last?.kind === 'RunFinished' ? last : null;
};

const LAUNCH_MS = 30_000;

export interface Carried {
  readonly events: readonly RunEvent[];
  readonly text: string;
  readonly end: Extract<RunEvent, { kind: 'RunFinished' }> | null;
  readonly execution: Execution;
  readonly steps: readonly LaunchProgress[];
}

/** Launches the attempt, waits for its end, removes it, and returns the log. */
export const carryOut = async (launcher: Launcher, redis: Redis, spec: LaunchSpec): Promise<Carried> => {
  const signal = AbortSignal.timeout(LAUNCH_MS);
  const steps: LaunchProgress[] = [];
  const execution = await launcher.launch(spec, (step) => steps.push(step), signal);
  try {
    await execution.wait(signal);
  } finally {
    await execution.remove();
  }
  const events = await eventsOf(redis, spec.runId);
  return { events, text: textOf(events), end: endOf(events), execution, steps };
};
