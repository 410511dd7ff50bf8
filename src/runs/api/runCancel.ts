/**
 * cancelRun: notes the cancel on the run's record. The executor or the supervisor of a run under way sees it there. A
 * PENDING run has neither, so its end is written here.
 */
import { seesRun } from '../../domain/caller.ts';
import { NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus, RunSummary } from '../../domain/run.ts';
import { RUN_STATES, statusesFor } from '../../domain/runStates.ts';
import { STORE_DEADLINE_MS } from '../../redis/wait.ts';
import { controlChannel, recordKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';
import { CANCEL } from '../../wire/scripts/writeScripts.ts';
import { leaveActive } from '../records/indexes.ts';
import { readSummary } from '../records/store.ts';
import { writeCancelledPending } from '../supervision/ending.ts';
import { claimRun } from '../supervision/runWriter.ts';
import type { CallContext } from './runCommands.ts';

/** How long this process waits until a doubtful run is settled; after that the run's supervisor writes the end. */
const DOUBT_MS = 60_000;

const script = new Script(CANCEL);

export interface CancelRequest {
  readonly id: RunId;
  readonly reason: string | null;
  /** True: the command has no grace period. */
  readonly force: boolean;
}

/** As Runs.cancel. Safe to repeat: the first reason stays, and `force` can be added. */
export const cancelRun = async (
  context: CallContext,
  { id, reason, force }: CancelRequest,
  signal: AbortSignal,
): Promise<RunSummary> => {
  const { redis, losses, caller } = context;
  const known = await readSummary(redis, id);
  if (known === null || !seesRun(caller, known)) throw new NotFound();
  const args = [reason ?? '', force ? '1' : '0', controlChannel(id)];
  const [code, term, status] = (await script.run(redis, [recordKey(id)], args)) as [string, string, RunStatus];
  if (code === 'GONE') throw new NotFound();
  const noted = await readSummary(redis, id);
  if (noted === null) throw new NotFound();
  if (code !== 'OK' || RUN_STATES[status].cancelAsked.kind !== 'to') return noted;
  const pending = { id, term: Number(term) };
  if (losses.doubtful(noted)) {
    // Perhaps it has been started, and its writer stores that again: a claim now would fence that writer.
    endWhenSettled(context, noted, pending);
    return noted;
  }
  await endPending(context, pending, signal);
  const run = await readSummary(redis, id);
  if (run === null) throw new NotFound();
  return run;
};

interface PendingRun {
  readonly id: RunId;
  /** The term that the log's writer had when the cancel was noted. */
  readonly term: number;
}

/** Ends the run some seconds later, where it is PENDING indeed. */
const endWhenSettled = (context: CallContext, { createdAt }: RunSummary, pending: PendingRun): void => {
  const work = async (): Promise<void> => {
    await context.losses.untilSettled({ createdAt }, AbortSignal.timeout(DOUBT_MS));
    await endPending(context, pending, AbortSignal.timeout(STORE_DEADLINE_MS));
  };
  work().catch((error: unknown) => {
    const message = 'could not end a cancelled PENDING run; its supervisor will end it';
    context.log.info({ err: error, runId: pending.id }, message);
  });
};

/** Does nothing where a supervisor is faster: that one sees the cancel. So the run is ended once in any case. */
const endPending = async (context: CallContext, { id, term }: PendingRun, signal: AbortSignal): Promise<void> => {
  const { redis, queue, log, losses } = context;
  const request = { attempt: null, statuses: statusesFor('cancelAsked'), fromTerm: term };
  const claimed = await claimRun({ redis, signal, log }, id, request);
  if (claimed.code !== 'OK') return;
  const { run, writer } = claimed;
  const code = await writeCancelledPending(writer, run);
  if (code !== 'OK') return;
  await losses.keepEnd(id, null);
  await leaveActive(redis, run.tenant, [id]);
  await queue.remove(id, run.nextAttempt);
};
