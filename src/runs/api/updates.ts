/** Changes of runs: from the channel run_updates, and of growing logs. Each is followed once for all followers of a process. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import type { Announcements } from '../../wire/announcements.ts';
import { UPDATES_CHANNEL } from '../../wire/keys.ts';
import type { RunUpdate, RunUpdates } from '../records/runs.ts';
import { Growth } from './growth.ts';

type Follower = Parameters<RunUpdates['follow']>[0];

/** One subscription, which ends with the last follower, and one round trip a second. */
export const runUpdates = (announcements: Announcements, log: Pick<Logger, 'warn'>, redis: Redis): RunUpdates => {
  const followers = new Set<Follower>();
  let last: { readonly bytes: Buffer; readonly update: RunUpdate | null } | null = null;
  let endReconnect: (() => void) | null = null;

  const growth = new Growth(redis, log, (runId, status) => {
    const update: RunUpdate = { runId, kind: 'GREW', before: status, version: 0 };
    for (const follower of followers) {
      if (follower.runId === undefined || follower.runId === runId) follower.onUpdate(update);
    }
  });
  // All followers get the same Buffer object, which is parsed once.
  const parse = (bytes: Buffer): RunUpdate | null => {
    if (last?.bytes !== bytes) {
      last = { bytes, update: parseUpdate(bytes, log) };
      if (last.update !== null) growth.note(last.update.runId);
    }
    return last.update;
  };
  const subscribe = async (listener: Follower, signal: AbortSignal | undefined): Promise<() => void> => {
    const onMessage = (bytes: Buffer): void => {
      const update = parse(bytes);
      const wanted = update !== null && (listener.runId === undefined || listener.runId === update.runId);
      if (wanted && followers.has(listener)) listener.onUpdate(update);
    };
    const free = await announcements.subscribe(UPDATES_CHANNEL, onMessage, signal);
    followers.add(listener);
    endReconnect ??= announcements.onReconnect(() => {
      for (const follower of followers) follower.onGap();
    });
    return () => {
      free();
      followers.delete(listener);
      if (followers.size > 0) return;
      endReconnect?.();
      endReconnect = null;
      last = null;
    };
  };

  return {
    async follow(listener, signal) {
      const unsubscribe = await subscribe(listener, signal);
      try {
        const unwatch = await growth.watch(listener.runId ?? null, signal ?? null);
        return () => {
          unwatch();
          unsubscribe();
        };
      } catch (error) {
        unsubscribe();
        throw error;
      }
    },
  };
};

/** A message as the scripts write it (src/wire/scripts/writeScripts.ts, TELL); null where it is not valid. */
const parseUpdate = (bytes: Buffer, log: Pick<Logger, 'warn'>): RunUpdate | null => {
  try {
    const { runId, kind, before, version } = JSON.parse(bytes.toString()) as {
      runId: RunId;
      kind: RunUpdate['kind'];
      before: RunUpdate['before'] | false;
      version: number;
    };
    return { runId, kind, before: before || null, version };
  } catch (error) {
    log.warn({ err: error }, 'received an invalid message on run_updates');
    return null;
  }
};
