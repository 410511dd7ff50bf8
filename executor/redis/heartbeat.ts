/**
 * Shows in the run's record that this executor is alive, also while its command prints nothing. A service that does not see
 * the engine has no other sign of it (PROTOCOL.md, H2).
 */
import type { Redis } from 'ioredis';
import type { RunRecord } from '../../src/domain/run.ts';
import { showAlive } from '../../src/wire/append.ts';

/** Begins at once, every `everyMs`. Returns how to stop it. While Redis is away no beat is sent, and none is waited for. */
export const startHeartbeat = (redis: Redis, run: RunRecord, everyMs: number): (() => void) => {
  let isSending = false;
  const beat = (): void => {
    if (isSending || redis.status !== 'ready') return;
    isSending = true;
    // A refusal needs nothing here: the appends and the reads of the record notice what it means.
    showAlive(redis, run.id, run)
      .catch(() => undefined)
      .finally(() => {
        isSending = false;
      });
  };
  const timer = setInterval(beat, everyMs);
  beat();
  return () => clearInterval(timer);
};
