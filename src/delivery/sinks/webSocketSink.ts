/**
 * Sends on one socket. Texts that viewers share are written to the socket itself, in memory that is shared too
 * (frames.ts): what ws would do for each frame of each viewer is done once, and one write is all that is left.
 */
import type { Duplex } from 'node:stream';
import { MessageType } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { nextTurn, Turn } from '../../async/turn.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { SharedTexts } from '../sharedTexts.ts';
import type { TextSink } from '../textSink.ts';
import type { Holding, Release } from './backlog.ts';
import { fragments, ownFrames, sharedFrames } from './frames.ts';

/** While shared memory is lent, a shorter text, and several together, are copied: one write costs less than three. */
const COPY_BYTES = 8192;
/** A message from here on may wait only where there is room for it (backlog.ts). */
const LARGE_CHARACTERS = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class Outbox {
  readonly #client: WebSocket;
  readonly #socket: Duplex;
  readonly #backlog: Holding;
  readonly #turn = new Turn();

  /** `socket` is the one that `client` was made of, without compression. */
  constructor(client: WebSocket, socket: Duplex, backlog: Holding) {
    this.#backlog = backlog;
    this.#client = client;
    this.#socket = socket;
  }

  /** Null: nothing waits here. Else resolves when the kernel has all that was written so far, or never will. */
  readonly taken = (): Promise<void> | null => (this.#socket.writableLength > 0 ? this.#written() : null);

  /** In order; resolves when the kernel has all, also where the socket is gone, whose end is told elsewhere. */
  readonly send = async (message: string): Promise<void> => {
    const client = this.#client;
    if (client.readyState !== client.OPEN) return;
    const release = message.length > LARGE_CHARACTERS ? this.#holds(message.length) : null;
    while (this.#isFull() && client.readyState === client.OPEN) await this.#written();
    if (client.readyState === client.OPEN) await this.#sendNow(message, release);
    release?.();
  };

  async #sendNow(message: string, held: Release | null): Promise<void> {
    const { promise: written, resolve } = Promise.withResolvers<void>();
    this.#client.send(message, () => resolve());
    if (this.#client.bufferedAmount > 0) {
      const release = held ?? this.#backlog.note(message.length);
      await written;
      release();
    }
    if (this.#turn.isOver(message.length)) await nextTurn();
  }

  /** A client for which nothing more may wait is let go: it comes back and goes on. */
  #holds(bytes: number): Release {
    const release = this.#backlog.hold(bytes);
    if (release === null) this.#client.terminate();
    return release ?? (() => undefined);
  }

  /** For texts of the results of one operation. */
  sink(id: string): TextSink {
    const message = JSON.stringify({ id, type: MessageType.Next, payload: 0 });
    const head = Buffer.from(message.slice(0, -'0}'.length));
    return { send: (shared) => this.#sendTexts(head, shared) };
  }

  /**
   * What waits here is one call's bytes at most (some 110 kB of 500 lines): the next one waits until the kernel has
   * them. ws keeps nothing back, as there is no compression, so this may be written between its frames.
   */
  #sendTexts(head: Buffer, given: SharedTexts): Promise<void> | null {
    const client = this.#client;
    const socket = this.#socket;
    if (client.readyState !== client.OPEN) return nextTurn();
    if (this.#isFull()) return this.#sendLater(head, given);
    const { texts } = given;
    const [only] = texts;
    if (only === undefined) return null;
    const shared = sharedFrames(given, head.length);
    if (shared !== null && !shared.lent) {
      const frames = shared.headed(head);
      socket.write(frames);
      if (socket.writableLength === 0) return this.#after(frames.length);
      shared.lent = true;
      return this.#written().finally(() => {
        shared.lent = false;
      });
    }
    if (texts.length === 1 && only.length > COPY_BYTES) {
      socket.cork();
      for (const part of fragments(head, only)) socket.write(part);
      socket.uncork();
      return socket.writableLength > 0 ? this.#written() : this.#after(only.length);
    }
    const own = ownFrames(head, texts);
    socket.write(own);
    return socket.writableLength > 0
      ? this.#written().finally(this.#backlog.note(own.length))
      : this.#after(own.length);
  }

  /** Operations of one socket share what may wait there. */
  #isFull(): boolean {
    return this.#socket.writableLength > LIMITS.waitingPerSocket;
  }

  async #sendLater(head: Buffer, given: SharedTexts): Promise<void> {
    await this.#written();
    await this.#sendTexts(head, given);
  }

  #after(bytes: number): Promise<void> | null {
    return this.#turn.isOver(bytes) ? nextTurn() : null;
  }

  /** Resolves when the kernel has all that was written so far, or never will: a write's end follows those before it. */
  #written(): Promise<void> {
    return new Promise((resolve) => this.#socket.write(NOTHING, () => resolve()));
  }
}
