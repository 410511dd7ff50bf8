import { Socket } from 'node:net';
import type { EpochMs } from '../../src/domain/events.ts';
import type { OutputReader } from '../output/sink.ts';

/** Size of a pipe by default (pipe(7)), so the most that one read usually returns. */
const BUFFER_BYTES = 64 * 1024;

/** Reads one pipe of the command as fast as it is allowed to. */
export class Pipe {
  readonly #socket: Socket;
  readonly #reader: OutputReader;
  readonly #ended: Promise<void>;
  #paused = false;
  #finished = false;

  /** Starts to read at once. `fd`: the reading end, which the pipe owns from now on. */
  constructor(fd: number, reader: OutputReader) {
    this.#reader = reader;
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      // All reads use one buffer: the reader and the log's writer copy what they keep.
      onread: {
        buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
        callback: (bytes, buffer) => {
          reader.write(Buffer.from(buffer.buffer, buffer.byteOffset, bytes), Date.now());
          return !this.#paused;
        },
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    // After any error a pipe gives no more bytes, as after its end.
    this.#socket.on('error', () => resolve());
    this.#socket.on('end', () => resolve());
    this.#socket.on('close', () => resolve());
    this.#socket.resume();
  }

  /** Resolves when all is read and no process has the writing end open. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Stops reading. When the pipe is full, the command waits in its next write. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** See OutputReader.tick. */
  tick(now: EpochMs): void {
    if (!this.#finished) this.#reader.tick(now);
  }

  /** Ends reading. A last line without its break becomes a line. Call it once. */
  finish(): void {
    this.#finished = true;
    this.#socket.destroy();
    this.#reader.end(Date.now());
  }
}
