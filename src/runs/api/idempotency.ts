/** Idempotency keys of startRun: each stands for one run and the input that it was started with. */
import type { Redis } from 'ioredis';
import type { Caller } from '../../domain/caller.ts';
import { Conflict } from '../../domain/errors.ts';
import { newRunId, type RunId } from '../../domain/ids.ts';
import type { RunSpec } from '../../domain/run.ts';
import { IDEMPOTENCY_FIELD } from '../records/creation.ts';
import { readFields } from '../records/fields.ts';
import { idempotencyName, isIdempotencyName } from '../records/indexKeys.ts';
import { inputFingerprint, keyFingerprint } from '../records/secrets.ts';

export interface Reservation {
  readonly id: RunId;
  /** The key's name in Redis, kept on the run's record. */
  readonly name: string;
}

export interface ReservationContext {
  readonly redis: Redis;
  readonly masterKey: Buffer;
  /** Keys are separate for each tenant. */
  readonly caller: Pick<Caller, 'tenant'>;
  /** `retentionMs`: how long the key is kept. The reconciler renews it while the run is unfinished. */
  readonly defaults: { readonly retentionMs: number };
}

/**
 * The key's reservation by an earlier call with the same input; null: there is none. A start that can be refused asks this
 * first, so that a refused call leaves no key behind. @throws as reserve
 */
export const reserved = async (
  { redis, masterKey, caller }: ReservationContext,
  key: string,
  spec: RunSpec,
): Promise<Reservation | null> => {
  const name = idempotencyName(keyFingerprint(masterKey, caller.tenant, key));
  const known = await redis.get(name);
  return known === null ? null : reservationOf(name, known, inputFingerprint(masterKey, spec));
};

/**
 * The id of the run that the key stands for: a new id, or that of an earlier call with the same key and input, whose run
 * can still be missing. Safe to run concurrently: one of the callers makes the id.
 * @throws Conflict where the input differs; the connection's error
 */
export const reserve = async (
  { redis, masterKey, caller, defaults }: ReservationContext,
  key: string,
  spec: RunSpec,
): Promise<Reservation> => {
  const name = idempotencyName(keyFingerprint(masterKey, caller.tenant, key));
  const input = inputFingerprint(masterKey, spec);
  const fresh = newRunId();
  const known = await redis.set(name, `${fresh} ${input}`, 'PX', defaults.retentionMs, 'NX', 'GET');
  if (known === null) return { id: fresh, name };
  return reservationOf(name, known, input);
};

const reservationOf = (name: string, known: string, input: string): Reservation => {
  const [id, knownInput] = known.split(' ');
  if (knownInput !== input)
    throw new Conflict('This idempotency key was used with another input. Use a new key for a new input.');
  return { id: id as RunId, name };
};

/** Frees the key of a run that is about to be removed, unless the key stands for another run. Safe to repeat. */
export const release = async (redis: Redis, id: RunId): Promise<void> => {
  const [name] = (await readFields(redis, [{ id, names: [IDEMPOTENCY_FIELD] }]))[0] ?? [];
  if (!name || !isIdempotencyName(name)) return;
  const known = await redis.get(name);
  if (known?.startsWith(`${id} `)) await redis.del(name);
};
