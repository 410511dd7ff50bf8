/** Notices cancels: by the control channel (which can lose messages), by append replies, and by reading the record. */
import type { Redis } from 'ioredis';
import type { RunRecord } from '../../src/domain/run.ts';
import { parseControlMessage } from '../../src/wire/announcements.ts';
import type { AppendCode, AppendReply } from '../../src/wire/append.ts';
import { controlChannel, recordKey } from '../../src/wire/keys.ts';
import type { Connections } from '../redis/connections.ts';
import { retryRedis } from '../redis/retryRedis.ts';
import type { Cancel } from './outcome.ts';

const READ_EVERY_MS = 2000;

export interface CancelWatchEvents {
  /** A cancel, and once more if it becomes a forced one. */
  onCancel(force: boolean): void;
  /** The record says that this executor no longer has the log. */
  onLost(code: AppendCode): void;
  /** Redis has lost events that it had acknowledged. */
  onBehind(): void;
}

export class CancelWatch {
  readonly #commands: Redis;
  readonly #listener: Redis;
  readonly #run: RunRecord;
  readonly #events: CancelWatchEvents;
  readonly #storedSeq: () => number;
  #timer: NodeJS.Timeout | null = null;
  #isReading = false;
  #known: 'none' | 'cancel' | 'force' = 'none';

  /** `storedSeq`: seq of the newest event that Redis has acknowledged. */
  constructor(connections: Connections, run: RunRecord, storedSeq: () => number, events: CancelWatchEvents) {
    this.#commands = connections.commands;
    this.#listener = connections.listener;
    this.#run = run;
    this.#storedSeq = storedSeq;
    this.#events = events;
  }

  /** Subscribes, and reads the record now and then. */
  start(): void {
    this.#timer = setInterval(() => this.#readOnce(), READ_EVERY_MS);
    const subscribe = (): void => {
      // If Redis refuses it, the timer remains.
      this.#listener.subscribe(controlChannel(this.#run.id)).then(
        () => this.#readOnce(),
        () => undefined,
      );
    };
    this.#listener.on('message', (_channel, message) => {
      // The others are this executor's own, or the service's to itself.
      if (parseControlMessage(message)?.kind === 'cancel') this.#readOnce();
    });
    if (this.#listener.status === 'ready') subscribe();
    else this.#listener.once('ready', subscribe);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Notices the cancel that a reply of Redis carries, if it does. */
  noticeReply(reply: Pick<AppendReply, 'cancelRequestedAt' | 'cancelForce'>): void {
    if (reply.cancelRequestedAt === null) return;
    const seen = reply.cancelForce ? 'force' : 'cancel';
    if (this.#known === 'force' || this.#known === seen) return;
    this.#known = seen;
    this.#events.onCancel(seen === 'force');
  }

  /** The cancel in the record, or null. Waits while Redis is away. @throws the signal's reason */
  readonly read = async (signal: AbortSignal): Promise<Cancel | null> => {
    const names = ['cancelRequestedAt', 'cancelReason', 'cancelForce'] as const;
    const [at, reason, force] = await retryRedis(() => this.#commands.hmget(recordKey(this.#run.id), ...names), signal);
    return at ? { at: Number(at), reason: reason || null, force: force === '1' } : null;
  };

  /** One read at a time: else they would pile up while Redis is away. */
  #readOnce(): void {
    if (this.#isReading || this.#timer === null) return;
    this.#isReading = true;
    this.#readRecord()
      .catch(() => undefined)
      .finally(() => {
        this.#isReading = false;
      });
  }

  async #readRecord(): Promise<void> {
    const stored = this.#storedSeq();
    const names = ['term', 'lastSeq', 'cancelRequestedAt', 'cancelForce'] as const;
    const [term, lastSeq, at, force] = await this.#commands.hmget(recordKey(this.#run.id), ...names);
    if (this.#timer === null) return;
    if (!term) return this.#events.onLost('GONE');
    if (Number(term) > this.#run.term) return this.#events.onLost('FENCED');
    if (Number(lastSeq) < stored) this.#events.onBehind();
    this.noticeReply({ cancelRequestedAt: at ? Number(at) : null, cancelForce: force === '1' });
  }
}
