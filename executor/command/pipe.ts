/** Reads one pipe of the command, as fast as it is let. */
import { Socket } from 'node:net';
import type { EpochMs } from '../../src/domain/events.ts';
import type { OutputReader } from '../output/sink.ts';

/** A pipe holds 64 KiB unless its writer asks for more, so that is what one read can get. */
const BUFFER_BYTES = 64 * 1024;

export class Pipe {
  readonly #socket: Socket;
  readonly #reader: OutputReader;
  readonly #ended: Promise<void>;
  #paused = false;
  #over = false;

  /** `fd`: the reading end, which the pipe owns from here on. Reading starts at once. */
  constructor(fd: number, reader: OutputReader) {
    this.#reader = reader;
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      // One buffer for all reads: what is kept of it is copied by the reader or the log's writer.
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
    // A pipe has no other errors than one that is as good as its end.
    this.#socket.on('error', () => resolve());
    this.#socket.on('end', () => resolve());
    this.#socket.on('close', () => resolve());
    this.#socket.resume();
  }

  /** Resolves when nobody has it open for writing any more and all of it is read. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** The command waits in its next write once the pipe is full. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Progress bars are told as time passes. */
  tick(now: EpochMs): void {
    if (!this.#over) this.#reader.tick(now);
  }

  /** Reads no more; what was read last becomes a line. Call it once. */
  finish(): void {
    this.#over = true;
    this.#socket.destroy();
    this.#reader.end(Date.now());
  }
}
