/** run_updates, followed once per process and shared by all followers. */
import type { Logger } from 'pino';
import type { RunId } from '../domain/ids.ts';
import type { Announcements } from '../log/announcements.ts';
import { UPDATES_CHANNEL } from '../log/keys.ts';
import type { RunUpdate, RunUpdates } from './runs.ts';

type Follower = Parameters<RunUpdates['follow']>[0];

/** One subscription for all followers of the process, freed with the last of them. */
export const runUpdates = (announcements: Announcements, log: Pick<Logger, 'warn'>): RunUpdates => {
  const followers = new Set<Follower>();
  let last: { readonly bytes: Buffer; readonly update: RunUpdate | null } | null = null;
  let endReconnect: (() => void) | null = null;

  // All followers get the same bytes object: parse it once.
  const parse = (bytes: Buffer): RunUpdate | null => {
    if (last?.bytes !== bytes) last = { bytes, update: parseUpdate(bytes, log) };
    return last.update;
  };

  return {
    async follow(listener, signal) {
      const onMessage = (bytes: Buffer): void => {
        const update = parse(bytes);
        if (update !== null && followers.has(listener)) listener.onUpdate(update);
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
    },
  };
};

/** The message as the scripts write it (log/scripts.ts, TELL); null where it is none. */
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
    log.warn({ err: error }, 'run_updates carried what is no update');
    return null;
  }
};
