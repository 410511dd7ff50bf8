/**
 * What a process does with an attempt that has no supervisor. Only a process that sees the attempt's engine can tell that
 * it has ended; the others know what its executor writes. Pure.
 */
import { abortable } from '../../async/abortable.ts';
import type { RunRecord } from '../../domain/run.ts';
import type { Execution, ExitReport, Launcher } from '../../launchers/launcher.ts';

/**
 * - `own`: it supervises the attempt: the engine is its own, or the record names none (older versions).
 * - `move`: it starts the attempt on its own engine, since no executor has claimed the log yet. One that is started
 *   elsewhere later is refused by the log (ClaimRequest.engine).
 * - `guard`: it follows what the executor writes, until a process that sees the engine takes over.
 */
export type Custody = 'own' | 'move' | 'guard';

export const custodyOf = (
  run: Pick<RunRecord, 'engine' | 'status' | 'writer'>,
  imageAsked: string | null,
  launcher: Pick<Launcher, 'engine' | 'startsImage'>,
): Custody => {
  if (run.engine === null || run.engine === launcher.engine) return 'own';
  return isUnclaimed(run) && launcher.startsImage(imageAsked) ? 'move' : 'guard';
};

/** Whether no executor has claimed the log of an attempt that is to be started. */
export const isUnclaimed = ({ status, writer }: Pick<RunRecord, 'status' | 'writer'>): boolean =>
  status === 'STARTING' && writer.startsWith('supervisor:');

const UNKNOWN: ExitReport = { exitCode: null, signal: null, outOfMemory: false };

/** An attempt on an engine that this process does not see: it cannot be waited for, stopped or removed here. */
export class UnseenExecution implements Execution {
  readonly #given = Promise.withResolvers<ExitReport>();

  /** Resolves after `stop`. */
  wait(signal: AbortSignal): Promise<ExitReport> {
    return abortable(this.#given.promise, signal);
  }

  /** Gives the attempt up. */
  async stop(): Promise<void> {
    this.#given.resolve(UNKNOWN);
  }

  async remove(): Promise<void> {
    // A process that sees the engine removes what is left.
  }
}
