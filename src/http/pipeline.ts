/**
 * Limits the requests of one connection: a few are answered at a time, in turns with those of other clients; the others
 * wait. (Only pipelining clients, which browsers are not, have several. They get responses in order anyway.)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { workTurn } from '../async/workTurn.ts';
import { LIMITS } from '../domain/limits.ts';

interface Connection {
  running: number;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly request: IncomingMessage;
  readonly resolve: () => void;
}

export class Pipelines {
  readonly #connections = new WeakMap<Socket, Connection>();

  /** Resolves when the request can be answered: true, or false if its connection is closed. */
  async enter(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { socket, method } = request;
    const connection = this.#of(socket);
    if (connection.running < LIMITS.requestsAtOnce) connection.running += 1;
    else if (connection.waiting.length >= LIMITS.requestsWaiting) cut(socket, connection);
    else await new Promise<void>((resolve) => connection.waiting.push({ request, resolve }));
    response.once('close', () => this.#leave(connection));
    if (socket.destroyed) return false;
    // A POST takes its turn when its body has arrived (body.ts).
    const turn = method === 'POST' ? null : workTurn(socket.remoteAddress ?? '');
    if (turn !== null) await turn;
    return !socket.destroyed;
  }

  #of(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const made: Connection = { running: 0, waiting: [] };
    this.#connections.set(socket, made);
    socket.once('close', () => {
      for (const { resolve } of made.waiting.splice(0)) resolve();
    });
    return made;
  }

  /** Lets the next waiting request begin, if there is one. */
  #leave(connection: Connection): void {
    const next = connection.waiting.shift();
    if (next === undefined) connection.running -= 1;
    else next.resolve();
  }
}

/** Requests are destroyed too: otherwise Node.js makes an error with a stack for each request of a closed connection. */
const cut = (socket: Socket, { waiting }: Connection): void => {
  socket.destroy();
  for (const { request } of waiting) request.destroy();
};
