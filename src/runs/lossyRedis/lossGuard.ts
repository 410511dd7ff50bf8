/**
 * What the service does because Redis can lose writes that it has acknowledged (PROTOCOL.md, section 4, W4 and W10). One
 * interface with two implementations: `guardAgainstLoss` for such a Redis, `NO_LOSS` for one that loses nothing. Which
 * one is used is decided once, where the service is put together.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { EpochMs, Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunRecord } from '../../domain/run.ts';
import { publishedHead, publishHead } from './heads.ts';
import { KeptEnds } from './keptEnds.ts';
import { Settling } from './settling.ts';

/** Calls for different runs, and calls for one run, can run at the same time. All are safe to repeat. */
export interface LossGuard {
  /** RunRecord.lingerMs of new runs: how long their executors stay after the end to write it again, milliseconds. */
  readonly lingerMs: number;
  /** Whether Redis' record of the run can lack what was acknowledged. Runs that are newer than the outage never do. */
  doubtful(run: { readonly createdAt: EpochMs }): boolean;
  /** Resolves when the run is not doubtful. @throws the signal's reason */
  untilSettled(run: { readonly createdAt: EpochMs }, signal: AbortSignal): Promise<void>;
  /** Resolves when the record that `read` gives is not doubtful. Reads nothing where no record can be. @throws as `read` */
  beforeStart(read: () => Promise<RunRecord | null>, signal: AbortSignal): Promise<void>;
  /** A record that is not doubtful, by `read`. @throws as `read` */
  settledRecord(read: () => Promise<RunRecord | null>, signal: AbortSignal): Promise<RunRecord | null>;
  /**
   * Remembers the end that the run's log has now, and writes it again where Redis loses it. `executorGone` resolves when
   * the run's executor cannot write it again itself; null: it is gone. Never throws.
   */
  keepEnd(runId: RunId, executorGone: Promise<unknown> | null): Promise<void>;
  /** Publishes how far this process' viewers are, where Redis shows less. Never throws. */
  publishHead(runId: RunId, head: Seq): void;
  /** The farthest seq that any process has published lately; 0 where none did. @throws the connection's error */
  publishedHead(runId: RunId): Promise<Seq>;
  close(): void;
}

/** A Redis that syncs each write to disk loses nothing, so there is nothing to do. */
export const NO_LOSS: LossGuard = {
  lingerMs: 0,
  doubtful: () => false,
  untilSettled: () => Promise.resolve(),
  beforeStart: () => Promise.resolve(),
  settledRecord: (read) => read(),
  keepEnd: () => Promise.resolve(),
  publishHead: () => undefined,
  publishedHead: () => Promise.resolve(0),
  close: () => undefined,
};

/** A Redis that syncs once a second can take two seconds for it. */
export const LINGER_MS = 2000;

/** Used as long as the process lives; `close` ends its timer. */
export const guardAgainstLoss = (redis: Redis, log: Logger): LossGuard => {
  const ends = new KeptEnds(redis, log);
  const settling = new Settling(redis);
  const settledRecord: LossGuard['settledRecord'] = async (read, signal) => {
    for (;;) {
      const run = await read();
      if (run === null || !settling.doubtful(run)) return run;
      await settling.untilSettled(run, signal);
    }
  };
  return {
    lingerMs: LINGER_MS,
    doubtful: (run) => settling.doubtful(run),
    untilSettled: (run, signal) => settling.untilSettled(run, signal),
    beforeStart: async (read, signal) => {
      await settledRecord(read, signal);
    },
    settledRecord,
    keepEnd: (runId, executorGone) => ends.keep(runId, executorGone),
    publishHead: (runId, head) => {
      publishHead(redis, runId, head).catch((error: unknown) =>
        log.debug({ err: error, runId }, 'could not publish how far viewers are'),
      );
    },
    publishedHead: (runId) => publishedHead(redis, runId),
    close: () => ends.close(),
  };
};
