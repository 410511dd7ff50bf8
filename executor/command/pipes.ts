import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMs } from '../../src/domain/events.ts';
import type { Output } from '../output/output.ts';
import type { OutputFifos } from './fifos.ts';
import { Pipe } from './pipe.ts';

/** Both pipes of the command, from the open FIFOs to their end. */
export class Pipes {
  readonly #fifos: OutputFifos | null;
  #pipes: readonly Pipe[] = [];
  #closed = false;

  /** `fifos`: null if they could not be made; then nothing is read. */
  constructor(fifos: OutputFifos | null) {
    this.#fifos = fifos;
  }

  /** Starts to read. Call it when the command has its writing ends. */
  read(output: Output): void {
    this.closeWritingEnds();
    const fifos = this.#fifos;
    if (fifos === null) return;
    this.#pipes = [new Pipe(fifos.stdout.read, output.stdout), new Pipe(fifos.stderr.read, output.stderr)];
  }

  /** Without this the pipes never end. Safe to repeat. */
  closeWritingEnds(): void {
    if (this.#fifos === null || this.#closed) return;
    this.#closed = true;
    closeSync(this.#fifos.stdout.write);
    closeSync(this.#fifos.stderr.write);
  }

  /** True stops reading: when a pipe is full, the command waits in its next write. False goes on. */
  setPaused(paused: boolean): void {
    for (const pipe of this.#pipes) paused ? pipe.pause() : pipe.resume();
  }

  /** See OutputReader.tick. */
  tick(now: EpochMs): void {
    for (const pipe of this.#pipes) pipe.tick(now);
  }

  /** Resolves when all is read and no process can write any more, after `ms`, or when the signal aborts. */
  async drain(ms: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const stop = AbortSignal.any([done.signal, signal]);
    const ended = Promise.all(this.#pipes.map((pipe) => pipe.ended));
    await Promise.race([ended, delay(ms, undefined, { signal: stop }).catch(() => undefined)]);
    done.abort();
  }

  /** Ends reading. A last line without its break becomes a line. Call it once. */
  finish(): void {
    for (const pipe of this.#pipes) pipe.finish();
  }
}
