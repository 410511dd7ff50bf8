/**
 * Passes what a connection brings to its reader (Node's HTTP parser, or ws) in small parts, and nothing while the reader
 * has enough to do. By itself a reader handles all that one read brought in one go: 64 KiB can be 2,000 requests.
 */
import type { Socket } from 'node:net';

/** Bytes of a part: at most about 100 of the smallest requests or messages. */
const PART_BYTES = 2048;
const NOTHING: Buffer = Buffer.alloc(0);

type Reader = (this: Socket, bytes: Buffer) => void;

export interface PacedInputOptions {
  readonly socket: Socket;
  /** Whether the reader has enough to do. Call goOn() when that has ended. A reader that pauses the socket has enough, too. */
  readonly isFull: () => boolean;
  /** Whether the reader takes nothing more. The rest is discarded. */
  readonly isDone: () => boolean;
}

export class PacedInput {
  readonly #options: PacedInputOptions;
  readonly #reader: Reader;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #isHeld = false;

  /**
   * Takes the place of the socket's only listener for `data`.
   * @throws Error if the socket has another number of such listeners
   */
  constructor(options: PacedInputOptions) {
    const { socket } = options;
    const [reader, ...others] = socket.listeners('data') as Reader[];
    if (reader === undefined || others.length > 0) throw new Error('a paced socket must have one reader');
    this.#options = options;
    this.#reader = reader;
    socket.removeListener('data', reader);
    socket.on('data', this.#read);
  }

  /** The reader can take more: in the next round of the loop it gets the next part. */
  goOn(): void {
    if (!this.#isHeld) return;
    setImmediate(() => {
      if (!this.#isHeld || this.#options.isFull()) return;
      this.#isHeld = false;
      this.#options.socket.resume();
    });
  }

  /** Ends the pacing: another reader takes over. Returns the bytes that it must read first. */
  release(): Buffer {
    this.#options.socket.removeListener('data', this.#read);
    this.#isHeld = false;
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = NOTHING;
    return rest;
  }

  readonly #read = (bytes: Buffer): void => {
    const { socket, isFull, isDone } = this.#options;
    this.#bytes = bytes;
    this.#at = 0;
    while (this.#at < this.#bytes.length && !isDone()) {
      if (socket.isPaused() || isFull()) {
        this.#hold();
        return;
      }
      const part = this.#bytes.subarray(this.#at, this.#at + PART_BYTES);
      this.#at += part.length;
      this.#reader.call(socket, part);
    }
    this.#bytes = NOTHING;
  };

  /** The rest stays in the socket's own buffer, whose bound stops the reading. */
  #hold(): void {
    const { socket } = this.#options;
    // A reader that has paused the socket resumes it.
    this.#isHeld = !socket.isPaused();
    socket.pause();
    socket.unshift(this.#bytes.subarray(this.#at));
    this.#bytes = NOTHING;
  }
}
