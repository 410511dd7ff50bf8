/** A viewer of the plain design: it reconnects when it is disconnected, and keeps what it happened to receive. */
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import { decodeBatch } from '../../../src/wire/codec.ts';
import { logChannel } from '../../../src/wire/keys.ts';
import type { Random } from '../random.ts';

export class PlainViewer {
  readonly #seen = new Set<number>();
  readonly #urls: () => readonly string[];
  readonly #channel: string;
  readonly #random: Random;
  readonly #restless: readonly [number, number] | undefined;
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(runId: string, urls: () => readonly string[], random: Random, restless?: readonly [number, number]) {
    this.#channel = logChannel(parseRunId(runId) as RunId);
    this.#urls = urls;
    this.#random = random;
    this.#restless = restless;
    void this.#follow();
  }

  /** Number of different lines that it received. */
  get lines(): number {
    return this.#seen.size;
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  async #follow(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const urls = this.#urls();
      const url = urls[turn % urls.length];
      if (url !== undefined) await this.#once(`${url}/${encodeURIComponent(this.#channel)}`);
      await delay(this.#random.between(10, 150));
    }
  }

  async #once(url: string): Promise<void> {
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (bytes: Buffer) => this.#take(bytes));
    const restless = this.#restless;
    const timer =
      restless === undefined ? undefined : setTimeout(() => socket.terminate(), this.#random.between(...restless));
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    clearTimeout(timer);
  }

  #take(bytes: Buffer): void {
    for (const event of decodeBatch(bytes)) if (event.kind === 'LogLine') this.#seen.add(event.seq);
  }
}
