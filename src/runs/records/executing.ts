/** Which executors can be alive, as the records of the unfinished runs show it. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus } from '../../domain/run.ts';
import { phaseOf } from '../../domain/runStates.ts';
import { recordKey } from '../../wire/keys.ts';
import { ACTIVE_RUNS } from './indexKeys.ts';
import { replies } from './store.ts';

export interface ExecutingAttempt {
  readonly runId: RunId;
  readonly attempt: number;
}

/** Attempts that are starting or running. @throws the connection's error */
export const executingAttempts = async (redis: Redis): Promise<readonly ExecutingAttempt[]> => {
  const ids = (await redis.zrange(ACTIVE_RUNS, '0', '-1')) as RunId[];
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(recordKey(id), 'status', 'attempt');
  const records = replies(await pipeline.exec()) as readonly (readonly [RunStatus | null, string | null])[];
  return ids.flatMap((runId, i) => {
    const [status = null, attempt = null] = records[i] ?? [];
    return status !== null && phaseOf(status) === 'executing' ? [{ runId, attempt: Number(attempt) }] : [];
  });
};
