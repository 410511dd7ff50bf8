import { pause } from '../../src/async/pause.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { controlChannel, recordKey } from '../../src/wire/keys.ts';
import type { Connections } from '../redis/connections.ts';
import { retryRedis } from '../redis/retryRedis.ts';
import type { LogWriter } from '../write/logWriter.ts';

const LOOK_EVERY_MS = 250;

interface Until {
  /** How long a Redis that is away is waited for. */
  readonly redisAwayMs: number;
  readonly signal: AbortSignal;
}

/**
 * The guard period after the final batch (PROTOCOL.md, W4d): for the run's lingerMs, a Redis that can lose acknowledged
 * writes is watched. What it has lost is stored again under the same seqs, and the period starts anew. Resolves early
 * if the run is gone, another writer has the log, Redis stays away, or `signal` aborts. Never rejects: the end was
 * stored once.
 */
export const awaitStored = async (
  { commands }: Connections,
  run: Pick<RunRecord, 'id' | 'term' | 'writer' | 'lingerMs'>,
  writer: LogWriter,
  { redisAwayMs, signal }: Until,
): Promise<void> => {
  if (run.lingerMs === 0) return;
  // The supervisor reads the record at once, so nobody waits for what follows here.
  commands.publish(controlChannel(run.id), JSON.stringify({ kind: 'ended' })).catch(() => undefined);
  const names = ['term', 'writer', 'lastSeq'] as const;
  let completeSince = performance.now();
  try {
    while (performance.now() - completeSince < run.lingerMs) {
      await pause(LOOK_EVERY_MS, signal);
      const limited = AbortSignal.any([signal, AbortSignal.timeout(redisAwayMs)]);
      const [term, name, lastSeq] = await retryRedis(() => commands.hmget(recordKey(run.id), ...names), limited);
      if (!term || Number(term) > run.term || (Number(term) === run.term && name !== run.writer)) return;
      if (Number(lastSeq) >= writer.storedSeq) continue;
      writer.restoreLost();
      await retryRedis(() => writer.flush(), AbortSignal.any([limited, writer.lost]));
      completeSince = performance.now();
    }
  } catch {
    // The signal aborted, Redis stayed away, or another writer has the log.
  }
};
