/**
 * The course of one attempt under its lease: start or adoption, launch, end. Each step can run twice, also in two
 * processes: the log's terms and the launcher's idempotence allow one writer and one executor.
 */
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { allowedTimeout } from '../../domain/policy/allotment.ts';
import { isTerminal, type RunRecord, type RunStatus } from '../../domain/run.ts';
import { phaseOf, statusAfter, statusesFor } from '../../domain/runStates.ts';
import type { Execution } from '../../launchers/launcher.ts';
import { persist } from '../../redis/wait.ts';
import { parseStatus } from '../../wire/runRecord.ts';
import type { LossGuard } from '../lossyRedis/lossGuard.ts';
import { readFields } from '../records/fields.ts';
import { leaveQueue, watchAgain } from '../records/indexes.ts';
import { repairRecord } from '../records/repair.ts';
import { retain } from '../records/retention.ts';
import { readRun } from '../records/store.ts';
import { type ExecutionContext, untilEnd, untilGone } from './awaitEnd.ts';
import { isUnclaimed, UnseenExecution } from './custody.ts';
import { type Evidence, hasEnded, NO_EVIDENCE, writeCancelledPending, writeEnd } from './ending.ts';
import { type LaunchContext, launchAttempt } from './launch.ts';
import type { Lingering } from './lingering.ts';
import { claimRun, type LogExtent, type RunWriter } from './runWriter.ts';

export interface AttemptContext extends LaunchContext, ExecutionContext {
  readonly losses: LossGuard;
  readonly lingering: Lingering;
  /** How far viewers of this process are in a run's log; null where it has none. */
  readonly followedTo?: (runId: RunId) => Seq | null;
}

/** What a supervisor that finds a run in this state does with it. */
const ADOPTION: Readonly<Record<RunStatus, 'nothing' | 'launch' | 'follow'>> = {
  PENDING: 'nothing',
  STARTING: 'launch',
  RUNNING: 'follow',
  COMPLETED: 'nothing',
  FAILED: 'nothing',
  CANCELLED: 'nothing',
};

interface Claimed {
  readonly run: RunRecord;
  readonly writer: RunWriter;
}

/** For the run's owner. */
const MOVED = 'The host that was to start the attempt is away. Another host starts it.';

/** Works for one run under one lease. `signal` aborts when the lease is lost or the service stops. */
export class AttemptWork {
  readonly #context: AttemptContext;
  readonly #runId: RunId;
  readonly #signal: AbortSignal;
  /** Ends with the service, not with the lease. */
  readonly #serviceSignal: AbortSignal;

  constructor(context: AttemptContext, runId: RunId, signal: AbortSignal, serviceSignal: AbortSignal) {
    this.#context = context;
    this.#runId = runId;
    this.#signal = signal;
    this.#serviceSignal = serviceSignal;
  }

  /** Starts the attempt of a PENDING run and resolves at its end; at once where there is nothing to start. */
  async start(attempt: number): Promise<void> {
    await this.#context.losses.beforeStart(() => this.#read(), this.#signal);
    for (;;) {
      const claimed = await this.#claim(attempt, statusesFor('attemptStarted'));
      if (claimed === null) return;
      const { run, writer } = claimed;
      if (run.cancelRequestedAt !== null) {
        await writeCancelledPending(writer, run);
        return;
      }
      const code = await writeStarting(writer, {
        previous: run.status,
        attempt,
        engine: this.#context.launcher.engine,
      });
      if (code === 'OK') {
        this.#leaveQueue(run);
        return await this.#launch(run, attempt, writer);
      }
      if (code !== 'CANCEL') return;
    }
  }

  /** Frees the run's place; what fails here is done by the reconciler. */
  #leaveQueue({ id, tenant }: RunRecord): void {
    leaveQueue(this.#context.redis, tenant, [id]).catch((error: unknown) =>
      this.#context.log.debug({ err: error, runId: id }, 'could not free a place in the queue'),
    );
  }

  /** Takes over an attempt that has no supervisor and resolves at its end. */
  async adopt(): Promise<void> {
    const { launcher, log } = this.#context;
    for (;;) {
      const run = await this.#settledRecord();
      const what = run === null ? 'nothing' : ADOPTION[run.status];
      if (run === null || what === 'nothing') return;
      const { id: runId, attempt, status } = run;
      if (this.#isForeign(run)) {
        // The next pass guards an attempt that an executor has claimed.
        if (!isUnclaimed(run)) return;
        const moved = await this.#moveHere(run);
        if (moved === null) continue;
        return await this.#launch(moved.run, attempt, moved.writer);
      }
      log.info({ runId, attempt, status }, 'found an attempt without a supervisor; taking it over');
      if (what === 'follow') {
        const execution = await persist(() => launcher.find(runId, attempt), this.#signal, log);
        if (execution !== null) return await this.#follow(run, attempt, execution);
        await this.#end(attempt, NO_EVIDENCE);
        return await this.#remove(attempt, () => Promise.resolve());
      }
      // An executor that has claimed the log is about to report; a claim here would fence it.
      if (!isUnclaimed(run)) return await this.#launch(run, attempt, null);
      const claimed = await this.#claim(attempt, [status], run.term);
      if (claimed !== null) return await this.#launch(claimed.run, attempt, claimed.writer);
    }
  }

  /** Follows an attempt whose engine this process does not see, by what its executor writes, and resolves at its end. */
  async guard(): Promise<void> {
    const run = await this.#settledRecord();
    if (run === null || ADOPTION[run.status] === 'nothing' || !this.#isForeign(run)) return;
    const { id: runId, attempt, engine } = run;
    this.#context.log.info({ runId, attempt, engine }, 'guarding an attempt on an engine that no service sees');
    const supervised = { run: this.#allowed(run), attempt, execution: new UnseenExecution(), isUnseen: true };
    const evidence = await untilEnd(this.#context, supervised, this.#signal);
    if (evidence !== null) await this.#end(attempt, evidence);
  }

  #isForeign({ engine }: RunRecord): boolean {
    return engine !== null && engine !== this.#context.launcher.engine;
  }

  /** Makes this process' engine the attempt's, before any executor has claimed the log; null where one is faster. */
  async #moveHere({ status, attempt, term }: RunRecord): Promise<Claimed | null> {
    const { launcher, log } = this.#context;
    const claimed = await this.#claim(attempt, [status], term);
    if (claimed === null) return null;
    const { engine } = launcher;
    const moved = { kind: 'ContainerEvent', timestamp: Date.now(), containerEvent: 'MOVED', detail: MOVED } as const;
    if ((await claimed.writer.write([moved], { attempt, changes: { engine } })) !== 'OK') return null;
    log.info({ runId: this.#runId, attempt, engine }, 'moved an attempt here from an engine that no service sees');
    return { ...claimed, run: { ...claimed.run, engine } };
  }

  /** Becomes the log's writer, after the farthest seq that anybody has seen; null where the claim is refused. */
  async #claim(attempt: number, statuses: readonly RunStatus[], fromTerm?: number): Promise<Claimed | null> {
    const writing = { ...this.#context, signal: this.#signal };
    const request = { attempt, statuses, ...(fromTerm === undefined ? {} : { fromTerm }) };
    const claimed = await claimRun(writing, this.#runId, request);
    if (claimed.code !== 'OK') return null;
    const seen = await this.#farthest(claimed.run, null);
    if (seen !== null) claimed.writer.goOnAfter(seen);
    return claimed;
  }

  async #launch(run: RunRecord, attempt: number, writer: RunWriter | null): Promise<void> {
    const launched = await launchAttempt(this.#context, { run, attempt, writer }, this.#signal);
    if (launched.kind === 'launched') return await this.#follow(run, attempt, launched.execution);
    const launchError = launched.kind === 'failed' ? launched.error : null;
    await this.#end(attempt, { ...NO_EVIDENCE, launchError });
    // A failed launch has removed what it began itself, not what an earlier supervisor's launch left.
    await this.#remove(attempt, async () => await (await this.#context.launcher.find(run.id, attempt))?.remove());
  }

  async #follow(run: RunRecord, attempt: number, execution: Execution): Promise<void> {
    const supervised = { run: this.#allowed(run), attempt, execution, isUnseen: false };
    const evidence = await untilEnd(this.#context, supervised, this.#signal);
    if (evidence === null) {
      // The end is stored: nobody waits for this executor, and its place of the queue is free.
      const gone = this.#remove(attempt, () => untilGone(run, execution, this.#serviceSignal));
      this.#context.lingering.add(run.id, gone);
      return;
    }
    // Its executor is gone. What it has written is looked at when nothing can write any more.
    await persist(() => this.#context.access.close(this.#runId, attempt), this.#signal, this.#context.log);
    await this.#end(attempt, evidence);
    await this.#remove(attempt, () => execution.remove());
  }

  /** Writes the attempt's end unless it has one. */
  async #end(attempt: number, evidence: Evidence): Promise<void> {
    const { redis, log } = this.#context;
    for (;;) {
      await persist(() => repairRecord({ redis, log }, this.#runId, attempt), this.#signal, log);
      const run = await this.#settledRecord();
      if (run === null || hasEnded(run, attempt) || run.attempt !== attempt) return;
      if (phaseOf(run.status) === 'waiting') return;
      const claimed = await claimRun({ ...this.#context, signal: this.#signal }, this.#runId, {
        attempt,
        statuses: statusesFor('failed'),
      });
      if (claimed.code !== 'OK') continue;
      const seen = await this.#farthest(claimed.run, evidence.seen);
      const code = await writeEnd(claimed.writer, {
        run: this.#allowed(claimed.run),
        attempt,
        evidence: { ...evidence, seen },
      });
      if (code === 'OK') return;
    }
  }

  /** The operator can have set a lower maximum since the run was started. */
  #allowed(run: RunRecord): RunRecord {
    const { allotment } = this.#context;
    return allotment ? { ...run, timeoutSeconds: allowedTimeout(run.timeoutSeconds, allotment) } : run;
  }

  /** Removes the execution, then its access to Redis. What cannot be removed now is removed later by the reconciler. */
  async #remove(attempt: number, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
      await this.#context.access.close(this.#runId, attempt);
      await this.#retainEnded();
    } catch (error) {
      this.#context.log.warn(
        { err: error, runId: this.#runId },
        'could not remove what an attempt left; retrying later',
      );
    }
  }

  /** While it had access, the executor could change what the run leaves: its status, or the TTL of its keys. */
  async #retainEnded(): Promise<void> {
    const { redis } = this.#context;
    const [text] = (await readFields(redis, [{ id: this.#runId, names: ['status'] }]))[0] ?? [];
    const status = parseStatus(text);
    if (status === null || isTerminal(status)) await retain(redis, [this.#runId]);
    // The reconciler ends it again.
    else if (phaseOf(status) === 'executing') await watchAgain(redis, this.#runId);
  }

  /** A Redis that lost writes shows less than was seen: by the last look here, or by viewers of any process. */
  async #farthest(run: RunRecord, seen: LogExtent | null): Promise<LogExtent | null> {
    const { followedTo, losses, log } = this.#context;
    const published = await persist(() => losses.publishedHead(run.id), this.#signal, log);
    const head = Math.max(followedTo?.(run.id) ?? 0, published);
    if (head <= (seen?.lastSeq ?? 0)) return seen;
    const { lines, bytes } = seen ?? run;
    return { lastSeq: head, lines, bytes };
  }

  #settledRecord(): Promise<RunRecord | null> {
    return this.#context.losses.settledRecord(() => this.#read(), this.#signal);
  }

  #read(): Promise<RunRecord | null> {
    return persist(() => readRun(this.#context.redis, this.#runId), this.#signal, this.#context.log);
  }
}

const writeStarting = (
  writer: RunWriter,
  { previous, attempt, engine }: { readonly previous: RunStatus; readonly attempt: number; readonly engine: string },
): ReturnType<RunWriter['write']> => {
  const status = statusAfter(previous, 'attemptStarted');
  return writer.write([{ kind: 'StatusChanged', timestamp: Date.now(), status, previous, detail: null }], {
    attempt,
    changes: { status, attempt, engine, exitCode: null, failure: null, digest: null, retryAt: null },
    knownCancel: null,
  });
};
