/**
 * Handles the messages of one WebSocket one at a time, in turns with those of other clients. While a message waits,
 * because it is another client's turn or the client does not read its responses, nothing more is read from the socket:
 * the rest waits in the client.
 */
import type { WebSocket } from 'ws';
import { TokenBucket } from '../../async/tokenBucket.ts';
import { workTurn } from '../../async/workTurn.ts';
import { LIMITS } from '../../domain/limits.ts';

export interface InboxOptions {
  readonly client: WebSocket;
  /** Address of the client. Turns are given to addresses. */
  readonly address: string;
  /** Null if nothing waits for the client. Else resolves when the kernel has taken it, or never will. */
  readonly taken: () => Promise<void> | null;
  /** Handles a message. Resolves when all that it started has ended. Never rejects. */
  readonly handle: (message: Buffer) => Promise<void>;
  /** Counts a message of so many bytes for the caller and its address: 0, or the milliseconds until it can send again. */
  readonly waitMs: (bytes: number) => number;
  /** Called once, when the client exceeds a limit on messages. It can come back after so many seconds. */
  readonly tooMany: (seconds: number) => void;
}

export class Inbox {
  readonly #options: InboxOptions;
  /** At most what one read of the socket brought; reading stops then. */
  readonly #waiting: Buffer[] = [];
  readonly #bucket = new TokenBucket({ burst: LIMITS.messageBurst, perSecond: LIMITS.messagesPerSecond });
  #working = false;
  #refused = false;
  /** Messages that started something that has not ended: operations, responses that are being sent. */
  #running = 0;
  #ended = (): void => undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  take(message: Buffer): void {
    const { client, tooMany, waitMs } = this.#options;
    if (this.#refused || client.readyState !== client.OPEN) return;
    const permits = 1 + Math.floor(message.length / LIMITS.permitBytes);
    const seconds = this.#bucket.take(permits) ? Math.ceil(waitMs(message.length) / 1000) : LIMITS.busySeconds;
    if (seconds > 0) {
      this.#refused = true;
      this.#waiting.length = 0;
      tooMany(seconds);
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

/** Added to the concurrent operations: refused ones, and those that were completed while they were starting. */
const SPARE = 8;
