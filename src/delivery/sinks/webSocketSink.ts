/**
 * Sends on one WebSocket. Texts that viewers share are written to the socket itself, past ws, in memory that is shared too
 * (frames.ts): frames are made once for all viewers, and each viewer costs one write.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { nextTurn, Turn } from '../../async/turn.ts';
import { LIMITS } from '../../domain/limits.ts';
import { messageHead, type SharedTexts } from '../messageLayout.ts';
import type { TextSink } from '../textSink.ts';
import type { Holding, Release } from './backlog.ts';
import { fragments, ownFrames, sharedFrames } from './frames.ts';
import { plainSocket } from './plainSocket.ts';

/** While shared memory is lent, a text shorter than this, and several texts, are copied: one write costs less than three. */
const COPY_BYTES = 8192;
/** A longer message can wait only if the backlog has room for it (backlog.ts). */
const LARGE_CHARACTERS = 64 * 1024;
const NOTHING = Buffer.alloc(0);
/** Ends the message that messageHead begins. */
const END = Buffer.from('}');

export class Outbox {
  readonly #client: WebSocket;
  readonly #socket: Socket;
  readonly #backlog: Holding;
  readonly #turn = new Turn();

  /** @param socket the one that `client` was made of. @throws Error if it is not a plain one (plainSocket.ts) */
  constructor(client: WebSocket, socket: Duplex, backlog: Holding) {
    this.#backlog = backlog;
    this.#client = client;
    this.#socket = plainSocket(socket, client);
  }

  /** Null: nothing waits here. Otherwise resolves when the kernel has all bytes written so far, or never will. */
  readonly taken = (): Promise<void> | null => (this.#socket.writableLength > 0 ? this.#written() : null);

  /** Sends in order; resolves when the kernel has all bytes, and also if the socket is closed. */
  readonly send = async (message: string | Buffer): Promise<void> => {
    const client = this.#client;
    if (client.readyState !== client.OPEN) return;
    const release = message.length > LARGE_CHARACTERS ? this.#holds(message.length) : null;
    while (this.#isFull() && client.readyState === client.OPEN) await this.#written();
    if (client.readyState === client.OPEN) await this.#sendNow(message, release);
    release?.();
  };

  /** Sends the result of a query, given in pieces; otherwise like `send`. */
  async sendResult(id: string, pieces: readonly Buffer[]): Promise<void> {
    await this.send(Buffer.concat([messageHead(id), ...pieces, END]));
  }

  async #sendNow(message: string | Buffer, held: Release | null): Promise<void> {
    const { promise: written, resolve } = Promise.withResolvers<void>();
    this.#client.send(message, { binary: false }, () => resolve());
    if (this.#client.bufferedAmount > 0) {
      const release = held ?? this.#backlog.note(message.length);
      await written;
      release();
    }
    if (this.#turn.isOver(message.length)) await nextTurn();
  }

  /** Cuts a client that cannot have more bytes waiting: it reconnects and resumes. */
  #holds(bytes: number): Release {
    const release = this.#backlog.hold(bytes);
    if (release === null) this.#client.terminate();
    return release ?? (() => undefined);
  }

  /** For the results of one operation. */
  sink(id: string): TextSink {
    const head = messageHead(id);
    return { send: (shared) => this.#sendTexts(head, shared) };
  }

  /**
   * At most one call's bytes wait here (500 lines: about 110 kB); the next call waits until the kernel has them. Without
   * compression ws keeps no frame back, so these can be written between its frames.
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

  /** Operations of one socket share the bytes that can wait there. */
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

  /** Resolves when the kernel has all bytes written so far, or never will: writes end in their order. */
  #written(): Promise<void> {
    return new Promise((resolve) => this.#socket.write(NOTHING, () => resolve()));
  }
}
