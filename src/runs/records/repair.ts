/** Makes a record valid again that an attempt has written into, so that the service can always write the run's end. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import { executorKeys, fixedKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';
import { REPAIR } from '../../wire/scripts/writeScripts.ts';

const script = new Script(REPAIR);
/** A seq is a GraphQL Int. */
const LARGEST_SEQ = 2 ** 31 - 1_000_000;

export interface RepairContext {
  readonly redis: Redis;
  readonly log: { warn(fields: object, message: string): void };
}

/**
 * Repairs the record if something in it is not valid, and logs what. Safe to repeat, also while an executor writes.
 * @param attempt that was executed until now; 0: none, or it is not known
 * @throws the connection's error
 */
export const repairRecord = async ({ redis, log }: RepairContext, id: RunId, attempt: number): Promise<void> => {
  const repaired = await script.run(redis, [...executorKeys(id), fixedKey(id)], [attempt, LARGEST_SEQ]);
  if (!Array.isArray(repaired) || repaired.length === 0) return;
  log.warn({ runId: id, repaired }, 'the record of a run was not valid and has been repaired');
};
