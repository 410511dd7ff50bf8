/** deleteRun: removes a finished run with its log, its index entries and its idempotency key. */
import { seesRun } from '../../domain/caller.ts';
import { Conflict, NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import { RUN_STATES } from '../../domain/runStates.ts';
import { fixedKey, indexKey, leaseKey, logKey, recordKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';
import { DELETE } from '../../wire/scripts/writeScripts.ts';
import { leaveIndexes } from '../records/indexes.ts';
import { readSummary } from '../records/store.ts';
import { release } from './idempotency.ts';
import type { CallContext } from './runCommands.ts';

const script = new Script(DELETE);

/** As Runs.delete. A second call throws NotFound. */
export const deleteRun = async ({ redis, caller }: CallContext, id: RunId, signal: AbortSignal): Promise<void> => {
  const run = await readSummary(redis, id);
  if (run === null || !seesRun(caller, run)) throw new NotFound();
  const transition = RUN_STATES[run.status].deleteAsked;
  if (transition.kind === 'invalid') throw new Conflict(transition.why);
  await release(redis, id);
  signal.throwIfAborted();
  const removed = await script.run(redis, [recordKey(id), logKey(id), leaseKey(id), indexKey(id), fixedKey(id)], []);
  await leaveIndexes(redis, run.tenant, id);
  // A Redis that lost its newest writes can show the run as unfinished again.
  if (removed === 0) throw new Conflict('The run has not finished. Cancel it first.');
  if (removed === -1) throw new NotFound();
};
