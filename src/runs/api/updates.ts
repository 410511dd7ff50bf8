/** Changes of runs: from the channel run_updates, and of growing logs. Each is followed once for all followers of a process. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DEFAULT_TENANT, seesRun } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus } from '../../domain/run.ts';
import type { Announcements } from '../../wire/announcements.ts';
import { UPDATES_CHANNEL } from '../../wire/keys.ts';
import type { RunUpdate, RunUpdates } from '../records/runs.ts';
import { type GrownRun, Growth, type Watched } from './growth.ts';

type Follower = Parameters<RunUpdates['follow']>[0];

/** One subscription, which ends with the last follower, and one round trip a second. */
export const runUpdates = (announcements: Announcements, log: Pick<Logger, 'warn'>, redis: Redis): RunUpdates =>
  new SharedUpdates(announcements, log, redis);

class SharedUpdates implements RunUpdates {
  readonly #announcements: Announcements;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #growth: Growth;
  readonly #followers = new Set<Follower>();
  /** The newest message: all followers get the same Buffer object, which is parsed once. */
  #last: { readonly bytes: Buffer; readonly update: RunUpdate | null } | null = null;
  #endReconnect: (() => void) | null = null;

  constructor(announcements: Announcements, log: Pick<Logger, 'warn'>, redis: Redis) {
    this.#announcements = announcements;
    this.#log = log;
    this.#growth = new Growth(redis, log, (run, status) => this.#grew(run, status));
  }

  async follow(listener: Follower, signal?: AbortSignal): Promise<() => void> {
    const unsubscribe = await this.#subscribe(listener, signal);
    try {
      const unwatch = await this.#growth.watch(watchedBy(listener), signal ?? null);
      return () => {
        unwatch();
        unsubscribe();
      };
    } catch (error) {
      unsubscribe();
      throw error;
    }
  }

  async #subscribe(listener: Follower, signal: AbortSignal | undefined): Promise<() => void> {
    const onMessage = (bytes: Buffer): void => {
      const update = this.#parse(bytes);
      if (update !== null && wants(listener, update) && this.#followers.has(listener)) listener.onUpdate(update);
    };
    const free = await this.#announcements.subscribe(UPDATES_CHANNEL, onMessage, signal);
    this.#followers.add(listener);
    this.#endReconnect ??= this.#announcements.onReconnect(() => {
      for (const follower of this.#followers) follower.onGap();
    });
    return () => {
      free();
      this.#followers.delete(listener);
      if (this.#followers.size > 0) return;
      this.#endReconnect?.();
      this.#endReconnect = null;
      this.#last = null;
    };
  }

  #grew({ id, tenant }: GrownRun, status: RunStatus): void {
    const update: RunUpdate = { runId: id, tenant, kind: 'GREW', before: status, version: 0 };
    for (const follower of this.#followers) if (wants(follower, update)) follower.onUpdate(update);
  }

  #parse(bytes: Buffer): RunUpdate | null {
    if (this.#last?.bytes !== bytes) {
      this.#last = { bytes, update: parseUpdate(bytes, this.#log) };
      const { update } = this.#last;
      if (update !== null) this.#growth.note(update.runId, update.tenant);
    }
    return this.#last.update;
  }
}

const watchedBy = ({ caller, runId }: Follower): Watched =>
  runId === undefined ? { tenant: caller.tenant } : { runId };

const wants = ({ caller, runId }: Follower, update: RunUpdate): boolean =>
  (runId === undefined || runId === update.runId) && seesRun(caller, { id: update.runId, tenant: update.tenant });

/** A message as the scripts write it (src/wire/scripts/notify.lua); null where it is not valid. */
const parseUpdate = (bytes: Buffer, log: Pick<Logger, 'warn'>): RunUpdate | null => {
  try {
    const {
      runId,
      tenant = DEFAULT_TENANT,
      kind,
      before,
      version,
    } = JSON.parse(bytes.toString()) as {
      runId: RunId;
      /** Missing in messages of a service without tenants. */
      tenant?: string;
      kind: RunUpdate['kind'];
      before: RunUpdate['before'] | false;
      version: number;
    };
    return { runId, tenant, kind, before: before || null, version };
  } catch (error) {
    log.warn({ err: error }, 'received an invalid message on run_updates');
    return null;
  }
};
