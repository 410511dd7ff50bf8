/**
 * Limits the requests of one connection: a few are answered at a time, in turns with those of other clients. The next
 * ones are read when these are answered. (Only pipelining clients, which browsers are not, have several. They get
 * responses in order anyway.)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { workTurn } from '../async/workTurn.ts';
import { LIMITS } from '../domain/limits.ts';
import { peerOf } from '../system/network.ts';
import { cutStalled } from './sockets/keepAlive.ts';
import { PacedInput } from './sockets/pacedInput.ts';

class Connection {
  readonly #socket: Socket;
  readonly #stalledMs: number;
  readonly #input: PacedInput;
  #running = 0;
  /** At most the requests of one part of the input. */
  readonly #waiting: (() => void)[] = [];
  #last: IncomingMessage | null = null;
  /** Ends the watch for a client that takes nothing. */
  #unwatch: (() => void) | null = null;

  constructor(socket: Socket, stalledMs: number) {
    this.#socket = socket;
    this.#stalledMs = stalledMs;
    this.#input = new PacedInput({
      socket,
      // The body of a request that has begun is read to its end.
      isFull: () => this.#isBusy && this.#last?.complete !== false,
      isDone: () => !socket.writable,
    });
    socket.once('close', () => {
      this.#unwatch?.();
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  get #isBusy(): boolean {
    return this.#running >= LIMITS.requestsAtOnce;
  }

  /** Resolves when the request can be answered, or the connection is closed. */
  async enter(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#last = request;
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    if (this.#isBusy && !this.#socket.destroyed) this.#unwatch ??= this.#watch();
    response.once('close', () => this.#leave());
  }

  release(): Buffer {
    return this.#input.release();
  }

  #watch(): () => void {
    const socket = this.#socket;
    return cutStalled({ socket: () => socket, waiting: () => socket.writableLength }, this.#stalledMs);
  }

  /** Lets the next request begin: one that waits, or one that is still to be read. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#running -= 1;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#input.goOn();
  }
}

export class Pipelines {
  readonly #connections = new WeakMap<Socket, Connection>();
  readonly #stalledMs: number;

  /** @param stalledMs a client that takes nothing for this long, while its requests wait, is cut */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  /** For the event `connection` of a server. */
  admit(socket: Socket): void {
    if (!socket.destroyed) this.#connections.set(socket, new Connection(socket, this.#stalledMs));
  }

  /**
   * Gives the connection up for a WebSocket.
   * @param head what the HTTP parser has read beyond the upgrade request
   * @returns these bytes, and those that still waited for the parser
   */
  release(socket: Socket, head: Buffer): Buffer {
    const rest = this.#connections.get(socket)?.release();
    return rest === undefined || rest.length === 0 ? head : Buffer.concat([head, rest]);
  }

  /**
   * Resolves when the request can be answered: true, or false if its connection is closed.
   * @param inTurn false for requests that are served before those of other clients
   */
  async enter(request: IncomingMessage, response: ServerResponse, inTurn: boolean): Promise<boolean> {
    const { socket, method } = request;
    await this.#connections.get(socket)?.enter(request, response);
    if (socket.destroyed) return false;
    // A POST takes its turn when its body has arrived (body.ts).
    const turn = method === 'POST' || !inTurn ? null : workTurn(peerOf(socket));
    if (turn !== null) await turn;
    return !socket.destroyed;
  }
}
