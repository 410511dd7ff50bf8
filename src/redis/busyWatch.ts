/**
 * Notices a script that blocks Redis, and ends it. After busy-reply-threshold (default 5 s,
 * https://redis.io/docs/latest/develop/programmability/#maximum-execution-time) Redis answers BUSY to everything but a
 * few commands, among them SCRIPT KILL and FUNCTION KILL. A script that has written cannot be ended: Redis would keep half
 * of its work.
 *
 * The watch has a connection of its own: the others lose theirs in that time, and INFO and SELECT, which they send when
 * they connect, are answered BUSY too. It has no name, since CLIENT SETNAME is one of these.
 */
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { interval } from '../async/interval.ts';
import { askForWrites } from '../wire/takesWrites.ts';
import { redisOptions } from './connection.ts';

const LOOK_EVERY_MS = 1000;
/** A server that is silent for longer than its busy-reply-threshold has another trouble. */
const ANSWER_MS = 30_000;
/** The same trouble is logged once in this time. */
const LOG_EVERY_MS = 60_000;

export interface BusyWatch extends AsyncDisposable {
  /** Redis is blocked by a script at present. */
  readonly isBusy: boolean;
}

/** Watches the server of this URL until disposed. */
export const watchBusy = (url: string, logger: Logger): BusyWatch => new Watch(url, logger);

class Watch implements BusyWatch {
  readonly #redis: Redis;
  readonly #logger: Logger;
  readonly #stop: () => void;
  #isBusy = false;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, logger: Logger) {
    const { connectionName: _, ...options } = redisOptions(url, 'commands', '');
    this.#redis = new Redis({
      ...options,
      db: 0,
      enableReadyCheck: false,
      disableClientInfo: true,
      enableOfflineQueue: false,
      // Until Redis answers BUSY, the question waits for the script.
      commandTimeout: ANSWER_MS,
      maxRetriesPerRequest: 0,
    });
    // The connection of commands logs that Redis is away.
    this.#redis.on('error', () => undefined);
    this.#logger = logger.child({ part: 'redis' });
    this.#stop = interval(() => this.#look(), LOOK_EVERY_MS);
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    this.#redis.disconnect();
    await Promise.resolve();
  }

  async #look(): Promise<void> {
    try {
      await askForWrites(this.#redis);
      this.#isBusy = false;
    } catch (error) {
      // Without a connection nothing is known.
      this.#isBusy = isBusyReply(error);
      if (this.#isBusy) await this.#end();
      else if (error instanceof Error && error.message === 'Command timed out') this.#redis.disconnect(true);
    }
  }

  /** SCRIPT KILL is refused for a function, and FUNCTION KILL for a script. */
  async #end(): Promise<void> {
    const refusals: unknown[] = [];
    for (const kind of ['SCRIPT', 'FUNCTION'] as const) {
      try {
        await this.#redis.call(kind, 'KILL');
        this.#isBusy = false;
        this.#logger.error({ kind }, 'ended a script that blocked Redis for longer than busy-reply-threshold');
        return;
      } catch (error) {
        refusals.push(error);
      }
    }
    const now = performance.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    const unkillable = refusals.find((error) => error instanceof Error && error.message.startsWith('UNKILLABLE'));
    this.#logger.error(
      { err: unkillable ?? refusals[0] },
      'a script blocks Redis and could not be ended; if it has written, only a restart of Redis ends it',
    );
  }
}

const isBusyReply = (error: unknown): boolean => error instanceof Error && error.message.startsWith('BUSY');
