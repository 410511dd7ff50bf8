/** The lease on a run's supervision: one process at a time, and another as soon as it dies. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import { persist } from '../../redis/wait.ts';
import { leaseKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';

/** A dead supervisor's run is free after this; with the reconciler's 3 s, adopted well within 15 s. */
const LEASE_MS = 10_000;
const RENEW_EVERY_MS = 3000;

/**
 * Renews, or takes it again where it ran out and nobody else came (the process was frozen, Redis was away).
 * Answers 1, or 0 where another holds it.
 */
const RENEW = new Script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** Another process supervises the run now. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface LeaseContext {
  readonly redis: Redis;
  readonly log: Pick<Logger, 'warn'>;
}

export interface Lease {
  /** Aborts with LeaseLost once another has it. */
  readonly lost: AbortSignal;
  /** Stops renewing and gives it back, so that another may take it at once. Never throws. */
  release(): Promise<void>;
}

/** Takes the lease, or answers null where somebody has it. @throws the signal's reason */
export const takeLease = async (
  { redis, log }: LeaseContext,
  runId: RunId,
  holder: string,
  signal: AbortSignal,
): Promise<Lease | null> => {
  const key = leaseKey(runId);
  // RENEW and not SET NX: a repeated call after a lost reply finds its own lease and is answered 1.
  const take = () => RENEW.run(redis, [key], [holder, LEASE_MS]);
  if ((await persist(take, signal, log)) !== 1) return null;

  const lost = new AbortController();
  const stopped = new AbortController();
  const renewing = (async () => {
    while (!stopped.signal.aborted) {
      await delay(RENEW_EVERY_MS, undefined, { signal: stopped.signal });
      if ((await persist(take, stopped.signal, log)) === 1) continue;
      lost.abort(new LeaseLost(`run ${runId} is supervised by another process`));
      return;
    }
  })().catch((error: unknown) => {
    // Stopped; or a fault of this program, after which nobody may rely on the lease.
    if (!stopped.signal.aborted) lost.abort(error);
  });
  const release = async (): Promise<void> => {
    stopped.abort();
    await renewing;
    try {
      await RELEASE.run(redis, [key], [holder]);
    } catch (error) {
      log.warn({ err: error, runId }, 'a lease could not be given back; it runs out by itself');
    }
  };
  return { lost: lost.signal, release };
};
