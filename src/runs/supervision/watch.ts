/** Follows one run's record for its supervisor: at each message of the control channel, and every 2 s in any case. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import type { RunRecord } from '../../domain/run.ts';
import type { Announcements } from '../../wire/announcements.ts';
import { parseControlMessage } from '../../wire/announcements.ts';
import { controlChannel } from '../../wire/keys.ts';
import { readRun } from '../records/store.ts';

const LOOK_EVERY_MS = 2000;

export interface WatchContext {
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Calls `onRecord` with the record every 2 s, and at once after a cancel, until the returned function is called. Reads do
 * not overlap. While Redis is away nothing is called.
 */
export const watchRun = (
  { redis, announcements, log }: WatchContext,
  runId: RunId,
  onRecord: (run: RunRecord) => void,
): (() => void) => {
  let ended = false;
  let unsubscribe: (() => void) | null = null;
  const look = oneAtATime(async () => {
    try {
      const run = ended ? null : await readRun(redis, runId);
      if (run !== null && !ended) onRecord(run);
    } catch (error) {
      log.warn({ err: error, runId }, 'could not read a run under supervision');
    }
  });
  const timer = setInterval(look, LOOK_EVERY_MS);
  // Changes alone (progress, output) can be many, and are passed on unread (changes.ts).
  const onMessage = (bytes: Buffer): void => {
    const kind = parseControlMessage(bytes)?.kind;
    if (kind === 'cancel' || kind === 'ended') look();
  };
  announcements
    .subscribe(controlChannel(runId), onMessage)
    .then((free) => {
      if (ended) free();
      else unsubscribe = free;
    })
    .catch((error: unknown) => {
      log.warn({ err: error, runId }, 'could not subscribe to a control channel; the record is read every 2 s');
    });
  look();
  return () => {
    ended = true;
    clearInterval(timer);
    unsubscribe?.();
  };
};

/** Calls `work`; a call while it is under way leads to one more afterwards. `work` must not reject. */
const oneAtATime = (work: () => Promise<void>): (() => void) => {
  let underWay = false;
  let again = false;
  const call = (): void => {
    again = underWay;
    if (underWay) return;
    underWay = true;
    void work().finally(() => {
      underWay = false;
      if (again) call();
    });
  };
  return call;
};
