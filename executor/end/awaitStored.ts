/** After the last word: a Redis that may lose what it has acknowledged is watched until that is on its disk. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunRecord } from '../../src/domain/run.ts';
import { controlChannel, recordKey } from '../../src/wire/keys.ts';
import type { Connections } from '../redis/connections.ts';
import { untilDone } from '../redis/untilDone.ts';
import type { LogWriter } from '../write/logWriter.ts';

const LOOK_EVERY_MS = 250;
/** Away right after the end is just when it matters, so a Redis that is away is waited for, this long at most. */
const AWAY_MS = 60_000;

/**
 * Stays for the run's lingerMs after the last word is stored, and puts back under the same seqs what Redis
 * turns out to have lost; then stays as long again. Resolves early where the run is gone, another writer has
 * its log, Redis stays away, or `signal` aborts. Never rejects: the attempt is over, and its end was stored.
 */
export const linger = async (
  { commands }: Connections,
  run: Pick<RunRecord, 'id' | 'term' | 'writer' | 'lingerMs'>,
  writer: LogWriter,
  signal: AbortSignal,
): Promise<void> => {
  if (run.lingerMs === 0) return;
  // So that nobody waits for this: the supervisor looks at the record now, not in its own time.
  commands.publish(controlChannel(run.id), JSON.stringify({ kind: 'ended' })).catch(() => undefined);
  const names = ['term', 'writer', 'lastSeq'] as const;
  let wholeSince = performance.now();
  try {
    while (performance.now() - wholeSince < run.lingerMs) {
      await delay(LOOK_EVERY_MS, undefined, { signal });
      const patience = AbortSignal.any([signal, AbortSignal.timeout(AWAY_MS)]);
      const [term, name, lastSeq] = await untilDone(() => commands.hmget(recordKey(run.id), ...names), patience);
      if (!term || Number(term) > run.term || (Number(term) === run.term && name !== run.writer)) return;
      if (Number(lastSeq) >= writer.storedSeq) continue;
      writer.mend();
      await untilDone(() => writer.flush(), AbortSignal.any([patience, writer.lost]));
      wholeSince = performance.now();
    }
  } catch {
    // Told to go, Redis away for too long, or the log is another's.
  }
};
