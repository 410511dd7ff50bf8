/** Idempotency keys: which run a client's key stands for, and what input it came with. */
import type { Redis } from 'ioredis';
import { Conflict } from '../../domain/errors.ts';
import { newRunId, type RunId } from '../../domain/ids.ts';
import type { RunSpec } from '../../domain/run.ts';
import { recordKey } from '../../wire/keys.ts';
import { IDEMPOTENCY_FIELD } from '../records/creation.ts';
import { idempotencyName } from '../records/indexKeys.ts';
import { inputFingerprint, keyFingerprint } from '../records/secrets.ts';

export interface Reservation {
  readonly id: RunId;
  /** The key's name in Redis, kept on the run's record. */
  readonly name: string;
}

/**
 * The id that this key stands for: a new one, or that of whoever came first with the same input, whether
 * that one's run is there already or not. @throws Conflict where the input was another; the connection's error
 */
export const reserve = async (
  redis: Redis,
  masterKey: Buffer,
  key: string,
  spec: RunSpec,
  retentionMs: number,
): Promise<Reservation> => {
  const name = idempotencyName(keyFingerprint(masterKey, key));
  const input = inputFingerprint(masterKey, spec);
  const fresh = newRunId();
  const known = await redis.set(name, `${fresh} ${input}`, 'PX', retentionMs, 'NX', 'GET');
  if (known === null) return { id: fresh, name };
  const [id, knownInput] = known.split(' ');
  if (knownInput !== input) throw new Conflict('This idempotency key was used with another input.');
  return { id: id as RunId, name };
};

/** Frees the key of a run that is about to be removed, unless it stands for another run by now. */
export const release = async (redis: Redis, id: RunId): Promise<void> => {
  const name = await redis.hget(recordKey(id), IDEMPOTENCY_FIELD);
  if (!name) return;
  const known = await redis.get(name);
  if (known?.startsWith(`${id} `)) await redis.del(name);
};
