/** Both pipes of the command, from their making to their end. */
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMs } from '../../src/domain/events.ts';
import type { Output } from '../output/output.ts';
import type { Ends } from './fifos.ts';
import { Pipe } from './pipe.ts';

export class Pipes {
  readonly #fifos: { readonly stdout: Ends; readonly stderr: Ends } | null;
  #pipes: readonly Pipe[] = [];
  #closed = false;

  constructor(fifos: { readonly stdout: Ends; readonly stderr: Ends } | null) {
    this.#fifos = fifos;
  }

  /** Reads from now on. The command must have its own writing ends by now. */
  read(output: Output): void {
    this.closeWritingEnds();
    const fifos = this.#fifos;
    if (fifos === null) return;
    this.#pipes = [new Pipe(fifos.stdout.read, output.stdout), new Pipe(fifos.stderr.read, output.stderr)];
  }

  /** As long as they are open here, the pipes have no end. Safe to call more than once. */
  closeWritingEnds(): void {
    if (this.#fifos === null || this.#closed) return;
    this.#closed = true;
    closeSync(this.#fifos.stdout.write);
    closeSync(this.#fifos.stderr.write);
  }

  /** True: the command waits in its next write once a pipe is full. */
  press(full: boolean): void {
    for (const pipe of this.#pipes) full ? pipe.pause() : pipe.resume();
  }

  tick(now: EpochMs): void {
    for (const pipe of this.#pipes) pipe.tick(now);
  }

  /** Resolves when all is read and nobody can write any more, after `ms`, or when the signal aborts. */
  async drain(ms: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const stop = AbortSignal.any([enough.signal, signal]);
    const ended = Promise.all(this.#pipes.map((pipe) => pipe.ended));
    await Promise.race([ended, delay(ms, undefined, { signal: stop }).catch(() => undefined)]);
    enough.abort();
  }

  /** Reads no more; what was read last becomes a line. Call it once. */
  finish(): void {
    for (const pipe of this.#pipes) pipe.finish();
  }
}
