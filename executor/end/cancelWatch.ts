/** Hears of cancels: by the control channel (a hint), by each append's answer, and by asking the record. */
import type { Redis } from 'ioredis';
import type { RunRecord } from '../../src/domain/run.ts';
import type { AppendCode, AppendReply } from '../../src/wire/append.ts';
import { controlChannel, recordKey } from '../../src/wire/keys.ts';
import type { Connections } from '../redis/connections.ts';
import { untilDone } from '../redis/untilDone.ts';
import type { Cancel } from './outcome.ts';

/** A hint can be lost, so the record is asked this often, milliseconds. */
const ASK_EVERY_MS = 2000;

export interface CancelWatchEvents {
  /** Called again where a cancel becomes a forced one. */
  onCancel(force: boolean): void;
  /** The record says that the log is not ours any more. */
  onLost(code: AppendCode): void;
  /** Redis stands before what it had acknowledged. */
  onBehind(): void;
}

export class CancelWatch {
  readonly #commands: Redis;
  readonly #listener: Redis;
  readonly #run: RunRecord;
  readonly #events: CancelWatchEvents;
  readonly #storedSeq: () => number;
  #timer: NodeJS.Timeout | null = null;
  #asking = false;
  #heard: 'nothing' | 'cancel' | 'force' = 'nothing';

  /** `storedSeq`: what Redis has acknowledged. */
  constructor(connections: Connections, run: RunRecord, storedSeq: () => number, events: CancelWatchEvents) {
    this.#commands = connections.commands;
    this.#listener = connections.listener;
    this.#run = run;
    this.#storedSeq = storedSeq;
    this.#events = events;
  }

  /** Listens from now on, and asks. */
  start(): void {
    this.#timer = setInterval(() => this.#ask(), ASK_EVERY_MS);
    const subscribe = (): void => {
      // Refused: the timer is there all the same.
      this.#listener.subscribe(controlChannel(this.#run.id)).then(
        () => this.#ask(),
        () => undefined,
      );
    };
    this.#listener.on('message', () => this.#ask());
    if (this.#listener.status === 'ready') subscribe();
    else this.#listener.once('ready', subscribe);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  heardIn(reply: Pick<AppendReply, 'cancelRequestedAt' | 'cancelForce'>): void {
    if (reply.cancelRequestedAt === null) return;
    const heard = reply.cancelForce ? 'force' : 'cancel';
    if (this.#heard === 'force' || this.#heard === heard) return;
    this.#heard = heard;
    this.#events.onCancel(heard === 'force');
  }

  /** The cancel as the record has it; waits for Redis. Null where there is none. @throws the signal's reason */
  readonly read = async (signal: AbortSignal): Promise<Cancel | null> => {
    const names = ['cancelRequestedAt', 'cancelReason', 'cancelForce'] as const;
    const [at, reason, force] = await untilDone(() => this.#commands.hmget(recordKey(this.#run.id), ...names), signal);
    return at ? { at: Number(at), reason: reason || null, force: force === '1' } : null;
  };

  /** One question at a time: while Redis is away they would pile up. */
  #ask(): void {
    if (this.#asking || this.#timer === null) return;
    this.#asking = true;
    this.#look()
      .catch(() => undefined)
      .finally(() => {
        this.#asking = false;
      });
  }

  async #look(): Promise<void> {
    const stored = this.#storedSeq();
    const names = ['term', 'lastSeq', 'cancelRequestedAt', 'cancelForce'] as const;
    const [term, lastSeq, at, force] = await this.#commands.hmget(recordKey(this.#run.id), ...names);
    if (this.#timer === null) return;
    if (!term) return this.#events.onLost('GONE');
    if (Number(term) > this.#run.term) return this.#events.onLost('FENCED');
    if (Number(lastSeq) < stored) this.#events.onBehind();
    this.heardIn({ cancelRequestedAt: at ? Number(at) : null, cancelForce: force === '1' });
  }
}
