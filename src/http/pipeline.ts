/**
 * Requests of one connection: a few are answered at a time, in turns with those of other clients; the others wait. (Who
 * pipelines, which no browser does, gets answers in order, so they would wait there in any case.)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { workTurn } from '../async/workTurn.ts';
import { LIMITS } from '../domain/limits.ts';

interface Connection {
  running: number;
  readonly waiting: (() => void)[];
}

export class Pipelines {
  readonly #connections = new WeakMap<Socket, Connection>();

  /** Resolves when the request may be answered: true; false: its connection is gone. */
  async enter({ socket }: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const connection = this.#of(socket);
    if (connection.running < LIMITS.requestsAtOnce) connection.running += 1;
    else if (connection.waiting.length >= LIMITS.requestsWaiting) socket.destroy();
    else await new Promise<void>((resolve) => connection.waiting.push(resolve));
    response.once('close', () => this.#leave(connection));
    if (socket.destroyed) return false;
    const turn = workTurn(socket.remoteAddress ?? '');
    if (turn !== null) await turn;
    return !socket.destroyed;
  }

  #of(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const made: Connection = { running: 0, waiting: [] };
    this.#connections.set(socket, made);
    socket.once('close', () => {
      for (const resolve of made.waiting.splice(0)) resolve();
    });
    return made;
  }

  /** The one that waits takes the place of the one that leaves. */
  #leave(connection: Connection): void {
    const next = connection.waiting.shift();
    if (next === undefined) connection.running -= 1;
    else next();
  }
}
