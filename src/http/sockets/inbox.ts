/**
 * Messages of one socket, one at a time and in turns with those of other clients. While one waits, because others have
 * their turn or the client does not take its answers, nothing more is read: the rest waits in the client.
 */
import type { WebSocket } from 'ws';
import { TokenBucket } from '../../async/tokenBucket.ts';
import { workTurn } from '../../async/workTurn.ts';
import { LIMITS } from '../../domain/limits.ts';

/** Bytes of a message that cost as much as a message. */
const PERMIT_BYTES = 4096;

export interface InboxOptions {
  readonly client: WebSocket;
  /** Of the client, which takes turns with other ones. */
  readonly address: string;
  /** Null: nothing waits to be taken by the client. Else resolves when the kernel has it, or never will. */
  readonly taken: () => Promise<void> | null;
  /** Begins with the message; resolves when all that it led to is over. Never rejects. */
  readonly handle: (message: Buffer) => Promise<void>;
  /** Called once, when the client sends more than it may. */
  readonly tooMany: () => void;
}

export class Inbox {
  readonly #options: InboxOptions;
  /** What came with one read of the socket, at most: then reading stops. */
  readonly #waiting: Buffer[] = [];
  readonly #bucket = new TokenBucket({ burst: LIMITS.messageBurst, perSecond: LIMITS.messagesPerSecond });
  #working = false;
  #refused = false;
  /** Messages that led to something which is not over: operations, answers on their way. */
  #running = 0;
  #ended = (): void => undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  take(message: Buffer): void {
    const { client, tooMany } = this.#options;
    if (this.#refused || client.readyState !== client.OPEN) return;
    if (!this.#bucket.take(1 + Math.floor(message.length / PERMIT_BYTES))) {
      this.#refused = true;
      this.#waiting.length = 0;
      tooMany();
      return;
    }
    this.#waiting.push(message);
    if (!this.#working) void this.#work();
    if (this.#working && !client.isPaused) client.pause();
  }

  async #work(): Promise<void> {
    const { client, taken, address } = this.#options;
    this.#working = true;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      const full = taken();
      if (full !== null) await full;
      const turn = workTurn(address);
      if (turn !== null) await turn;
      while (this.#running > LIMITS.operationsPerSocket + SPARE && client.readyState === client.OPEN) {
        await new Promise<void>((resolve) => {
          this.#ended = resolve;
        });
      }
      if (client.readyState !== client.OPEN) break;
      this.#begin(message);
    }
    this.#working = false;
    if (client.isPaused) client.resume();
  }

  #begin(message: Buffer): void {
    this.#running += 1;
    void this.#options.handle(message).then(() => {
      this.#running -= 1;
      this.#ended();
    });
  }
}

/** Beside the operations that may live: refused ones, and those that were completed while they were being begun. */
const SPARE = 8;
