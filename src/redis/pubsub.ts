/**
 * Announcements by graphql-redis-subscriptions' RedisPubSub; it never sees a failure, because Redis' side of it is kept by SubscribedChannels below.
 *
 * Facts of graphql-redis-subscriptions 2.7.0 (dist/redis-pubsub.js): subscribe()
 * resolves after Redis' acknowledgement; a failing SUBSCRIBE rejects a promise that nobody holds, which ends
 * the process; unsubscribe() leaves UNSUBSCRIBE's promise floating; a listener that throws takes the others'
 * message with it; with `messageBuffer` and no deserializer the bytes come through untouched.
 */
import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Latch } from '../async/latch.ts';
import { pause } from '../async/pause.ts';
import type { Announcements } from '../wire/announcements.ts';
import type { RedisConnection } from './connection.ts';

/** Pause before a SUBSCRIBE that Redis refused (ACL) is repeated. */
const REFUSED_RETRY_MS = 1000;

/** @param connection of the role subscriber, for this call only */
export const createAnnouncements = (connection: RedisConnection, logger: Logger): Announcements => {
  const channels = new SubscribedChannels(connection, logger);
  // RedisPubSub calls only on, subscribe, unsubscribe and punsubscribe of the client.
  const client = channels as unknown as Redis;
  const engine = new RedisPubSub({ subscriber: client, publisher: client, messageEventName: 'messageBuffer' });
  const shared = new Map<string, SharedChannel>();

  const end = (channel: SharedChannel): void => {
    shared.delete(channel.name);
    channel.free?.();
  };
  const open = async (channel: SharedChannel): Promise<void> => {
    try {
      const id = await engine.subscribe<Buffer>(channel.name, channel.deliver);
      channel.free = () => engine.unsubscribe(id);
      channel.confirmed.open();
      if (channel.listeners.size === 0) end(channel);
    } catch (error) {
      shared.delete(channel.name);
      channel.confirmed.fail(error);
    }
  };
  const channelOf = (name: string): SharedChannel => {
    const known = shared.get(name);
    if (known !== undefined) return known;
    const channel = new SharedChannel(name, logger);
    shared.set(name, channel);
    void open(channel);
    return channel;
  };
  /** A subscription that is not confirmed yet stays until it is, because RedisPubSub cannot cancel it. */
  const leave = (channel: SharedChannel, listener: Listener): void => {
    if (channel.listeners.delete(listener) && channel.listeners.size === 0 && channel.free !== null) end(channel);
  };

  return {
    async subscribe(name, onMessage, signal) {
      const channel = channelOf(name);
      // A new function, so that the same listener can subscribe twice.
      const listener: Listener = (bytes) => onMessage(bytes);
      channel.listeners.add(listener);
      try {
        await channel.confirmed.wait(signal);
      } catch (error) {
        leave(channel, listener);
        throw error;
      }
      return () => leave(channel, listener);
    },
    onReconnect: (listener) => channels.onReconnect(listener),
  };
};

type Listener = (bytes: Buffer) => void;

/** One subscription of RedisPubSub for all listeners of a channel, who can leave before it is confirmed. */
class SharedChannel {
  readonly name: string;
  readonly listeners = new Set<Listener>();
  readonly confirmed = new Latch();
  /** Ends the subscription; null until Redis has confirmed it. */
  free: (() => void) | null = null;
  readonly #logger: Logger;

  constructor(name: string, logger: Logger) {
    this.name = name;
    this.#logger = logger;
  }

  readonly deliver = (bytes: Buffer): void => {
    for (const listener of this.listeners) {
      try {
        listener(bytes);
      } catch (error) {
        this.#logger.error({ err: error, channel: this.name }, 'a listener failed on an announcement');
      }
    }
  };
}

type Acknowledge = (error: Error | null) => void;

/** Keeps the wanted channels subscribed over losses of the connection. Takes the place of RedisPubSub's client. */
class SubscribedChannels {
  readonly #connection: RedisConnection;
  readonly #logger: Logger;
  /** Channel -> callback of its first acknowledgement; null after that. One entry for each followed channel. */
  readonly #wanted = new Map<string, Acknowledge | null>();
  readonly #reconnected = new Set<() => void>();
  /** Goes up with each `ready`. Work of an older epoch stops. */
  #epoch = 0;

  constructor(connection: RedisConnection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger.child({ part: 'announcements' });
    connection.onReady(() => void this.#restore());
    if (connection.ready) this.#epoch = 1;
  }

  on(event: string, listener: (...args: Buffer[]) => void): void {
    if (event === 'messageBuffer') this.#connection.redis.on('messageBuffer', listener);
  }

  subscribe(channel: string, acknowledge: Acknowledge): void {
    this.#wanted.set(channel, acknowledge);
    if (this.#connection.ready) void this.#send(() => [channel]);
  }

  unsubscribe(channel: string): void {
    this.#wanted.delete(channel);
    // A lost connection has lost the subscription too, and only wanted channels are subscribed again.
    if (this.#connection.ready) this.#connection.redis.unsubscribe(channel).catch(() => undefined);
  }

  /** RedisPubSub calls both unsubscribe functions. There are no patterns here. */
  punsubscribe(): void {}

  onReconnect(listener: () => void): () => void {
    this.#reconnected.add(listener);
    return () => {
      this.#reconnected.delete(listener);
    };
  }

  async #restore(): Promise<void> {
    this.#epoch += 1;
    const again = this.#epoch > 1;
    const restored = await this.#send(() => [...this.#wanted.keys()]);
    if (!again || !restored) return;
    for (const listener of this.#reconnected) {
      try {
        listener();
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener failed on the reconnect');
      }
    }
  }

  /**
   * Subscribes until Redis has confirmed; false where the connection was lost meanwhile: the next `ready`
   * sends all that is wanted then. With autoResendUnfulfilledCommands off (a stale SUBSCRIBE would come
   * back after its UNSUBSCRIBE) ioredis never settles what a loss cut off, so nothing here may depend on it.
   */
  async #send(channels: () => readonly string[]): Promise<boolean> {
    const epoch = this.#epoch;
    for (;;) {
      const wanted = channels().filter((channel) => this.#wanted.has(channel));
      if (wanted.length === 0) return true;
      try {
        await this.#connection.redis.subscribe(...wanted);
        this.#confirm(wanted);
        return true;
      } catch (error) {
        if (epoch !== this.#epoch || !this.#connection.ready) return false;
        this.#logger.warn({ err: error, channels: wanted.slice(0, 3) }, 'Redis refused a subscription');
      }
      await pause(REFUSED_RETRY_MS, undefined, false);
      if (epoch !== this.#epoch || !this.#connection.ready) return false;
    }
  }

  #confirm(channels: readonly string[]): void {
    for (const channel of channels) {
      const acknowledge = this.#wanted.get(channel);
      if (!acknowledge) continue;
      this.#wanted.set(channel, null);
      acknowledge(null);
    }
  }
}
