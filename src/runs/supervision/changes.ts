/**
 * Announces changes that executors make. An executor has no right to run_updates: its appends announce a change on the
 * control channel of its run, and the supervisor passes it on. What can have been missed is announced too.
 */
import { randomUUID } from 'node:crypto';
import { withDeadline } from '../../async/deadline.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus, RunSummary } from '../../domain/run.ts';
import { phaseOf, RUN_STATES } from '../../domain/runStates.ts';
import { persist } from '../../redis/wait.ts';
import { type ControlMessage, parseControlMessage } from '../../wire/announcements.ts';
import { controlChannel, UPDATES_CHANNEL } from '../../wire/keys.ts';
import type { RunUpdate } from '../records/runs.ts';
import { readSummary } from '../records/store.ts';
import type { WatchContext } from './watch.ts';

/** How long the messages that are under way can take, milliseconds. */
const ARRIVAL_MS = 2000;
/** No executor starts and makes a change within this time, milliseconds. */
const STARTS_MS = 100;

type Owned = Pick<RunSummary, 'id' | 'tenant'>;
const STATUSES = Object.keys(RUN_STATES) as RunStatus[];

const announce = ({ redis, log }: Pick<WatchContext, 'redis' | 'log'>, update: RunUpdate): void => {
  redis.publish(UPDATES_CHANNEL, JSON.stringify(update)).catch((error: unknown) => {
    log.warn({ err: error, runId: update.runId }, 'could not announce a change of a run');
  });
};

/** For changes that nobody announced: readers read the run again, whatever status they knew while it was executed. */
export const announceMissed = (context: Pick<WatchContext, 'redis' | 'log'>, { id: runId, tenant }: Owned): void => {
  for (const before of STATUSES.filter((status) => phaseOf(status) === 'executing')) {
    announce(context, { runId, tenant, kind: 'UPDATED', before, version: 0 });
  }
};

/** Passes the changes of one run on, from its creation to `end`. Nothing waits for it. */
export class ChangeRelay {
  readonly #context: WatchContext;
  readonly #runId: RunId;
  readonly #mark = randomUUID();
  readonly #marked = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  readonly #stopListening: () => void;
  /** Ends the subscription. */
  readonly #subscribed: Promise<() => void>;
  /** From the record before an executor can change it; null where there is no such run. */
  readonly #run: Promise<Owned | null>;

  /** `adopts`: the run's executor was at work before, and its changes can have been missed. */
  constructor(context: WatchContext, runId: RunId, adopts: boolean) {
    this.#context = context;
    this.#runId = runId;
    this.#run = persist(() => readSummary(context.redis, runId), this.#ended.signal, context.log);
    this.#run.catch(() => undefined);
    this.#stopListening = context.announcements.onReconnect(() => this.#announceMissed());
    const { signal } = this.#ended;
    const openedAt = performance.now();
    const onMessage = (bytes: Buffer): void => this.#pass(parseControlMessage(bytes));
    this.#subscribed = context.announcements.subscribe(controlChannel(runId), onMessage, signal);
    this.#subscribed.then(
      () => (adopts || performance.now() - openedAt > STARTS_MS) && this.#announceMissed(),
      () => undefined,
    );
  }

  /** Ends when all changes that are stored by now are announced. `atOnce`: the next supervisor does that. Never throws. */
  async end({ atOnce }: { readonly atOnce: boolean }): Promise<void> {
    this.#stopListening();
    if (!atOnce && !(await this.#arrived())) this.#announceMissed();
    this.#ended.abort();
    await this.#subscribed.then(
      (unsubscribe) => unsubscribe(),
      () => undefined,
    );
  }

  /** A mark arrives after all messages that were published before it. */
  async #arrived(): Promise<boolean> {
    const message = JSON.stringify({ kind: 'mark', mark: this.#mark });
    const asked = async (): Promise<void> => {
      await this.#subscribed;
      await this.#context.redis.publish(controlChannel(this.#runId), message);
      await this.#marked.promise;
    };
    return await withDeadline(asked, { ms: ARRIVAL_MS }).then(
      () => true,
      () => false,
    );
  }

  #pass(message: ControlMessage | null): void {
    if (message?.kind === 'mark' && message.mark === this.#mark) this.#marked.resolve();
    if (message?.kind !== 'UPDATED') return;
    // An executor that was taken over can write anything here, but only on the channel of its run.
    const before = STATUSES.find((status) => status === message.before) ?? null;
    const version = Number.isSafeInteger(message.version) ? Number(message.version) : 0;
    this.#withRun(({ id: runId, tenant }) =>
      announce(this.#context, { runId, tenant, kind: 'UPDATED', before, version }),
    );
  }

  #announceMissed(): void {
    this.#withRun((run) => announceMissed(this.#context, run));
  }

  /** In the order of the calls. */
  #withRun(use: (run: Owned) => void): void {
    this.#run.then(
      (run) => run !== null && use(run),
      () => undefined,
    );
  }
}
