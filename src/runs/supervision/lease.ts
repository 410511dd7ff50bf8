/**
 * The lease on a run's supervision: it belongs to one process at a time, and is free soon after that one dies. The lease of
 * a process that only guards the run (custody.ts) goes over to one that sees the run's engine as soon as it asks.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import { persist } from '../../redis/wait.ts';
import { leaseKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';

/** TTL: a dead supervisor's run is free after it. With the reconciler's 3 s it is adopted within 15 s. */
const LEASE_MS = 10_000;
const RENEW_EVERY_MS = 3000;

/**
 * Takes or renews the lease, also one that expired and was not taken by another (the process was frozen, Redis was away).
 * ARGV: holder, TTL, '1' where a guard yields to it. Returns 1, or 0 where another holds it.
 */
const RENEW = new Script(`
local holder = redis.call('GET', KEYS[1])
local yields = holder and ARGV[3] == '1' and string.sub(holder, 1, 6) == 'guard:'
if holder and holder ~= ARGV[1] and not yields then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

const GUARD = 'guard:';

/** What the text of a lease tells: whether its holder sees the run's engine. */
export const leaseKind = (holder: string | null): 'owner' | 'guard' | 'none' =>
  holder === null ? 'none' : holder.startsWith(GUARD) ? 'guard' : 'owner';

/** Another process has the lease now. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface LeaseContext {
  readonly redis: Redis;
  readonly log: Pick<Logger, 'warn'>;
}

export interface LeaseRequest {
  readonly runId: RunId;
  /** Differs from that of every other lease. */
  readonly name: string;
  /** The caller does not see the run's engine: it yields to one that does. */
  readonly guards: boolean;
}

export interface Lease {
  /** Aborts with LeaseLost when another process has it. */
  readonly lost: AbortSignal;
  /** Stops renewing and frees the lease for others at once. Never throws. Call it once. */
  release(): Promise<void>;
}

/** Takes the lease; null where another holds it. Waits while Redis is away. @throws the signal's reason */
export const takeLease = async (
  { redis, log }: LeaseContext,
  { runId, name, guards }: LeaseRequest,
  signal: AbortSignal,
): Promise<Lease | null> => {
  const key = leaseKey(runId);
  const holder = guards ? `${GUARD}${name}` : name;
  // Not SET NX: a call that is repeated after a lost reply must find its own lease and succeed.
  const take = () => RENEW.run(redis, [key], [holder, LEASE_MS, guards ? '0' : '1']);
  if ((await persist(take, signal, log)) !== 1) return null;

  const lost = new AbortController();
  const stopped = new AbortController();
  const renewing = (async () => {
    while (!stopped.signal.aborted) {
      await delay(RENEW_EVERY_MS, undefined, { signal: stopped.signal });
      if ((await persist(take, stopped.signal, log)) === 1) continue;
      lost.abort(new LeaseLost(`another process supervises the run ${runId}`));
      return;
    }
  })().catch((error: unknown) => {
    // It was released; or there is a fault in this program, and the lease is not reliable any more.
    if (!stopped.signal.aborted) lost.abort(error);
  });
  const release = async (): Promise<void> => {
    stopped.abort();
    await renewing;
    try {
      await RELEASE.run(redis, [key], [holder]);
    } catch (error) {
      log.warn({ err: error, runId }, 'could not release a lease; it will expire');
    }
  };
  return { lost: lost.signal, release };
};
