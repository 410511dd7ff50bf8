/** Which executors can be alive, as the records of the unfinished runs show it. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus } from '../../domain/run.ts';
import { phaseOf } from '../../domain/runStates.ts';
import { recordKey } from '../../wire/keys.ts';
import { recordReplies } from './fields.ts';
import { ACTIVE_RUNS } from './indexKeys.ts';

export interface ExecutingAttempt {
  readonly runId: RunId;
  readonly attempt: number;
}

/** Whether a field of a record is the number of an attempt. An attempt can write anything into its own record. */
export const isAttempt = (value: string | null | undefined): boolean => /^[1-9]\d{0,2}$/.test(value ?? '');

/** Attempts that are starting or running. @throws the connection's error */
export const executingAttempts = async (redis: Redis): Promise<readonly ExecutingAttempt[]> => {
  const ids = (await redis.zrange(ACTIVE_RUNS, '0', '-1')) as RunId[];
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(recordKey(id), 'status', 'attempt');
  const records = recordReplies(await pipeline.exec()) as readonly (
    | readonly [RunStatus | null, string | null]
    | null
  )[];
  return ids.flatMap((runId, i) => {
    const [status = null, attempt = null] = records[i] ?? [];
    const executing = status !== null && phaseOf(status) === 'executing';
    return executing && isAttempt(attempt) ? [{ runId, attempt: Number(attempt) }] : [];
  });
};
