/** Bounds the connections of one client address and of all clients, before anything is read from them. */
import type { Socket } from 'node:net';
import { LIMITS } from '../domain/limits.ts';
import { peerOf } from '../system/network.ts';
import { Tally, type TallyBounds } from './sockets/tally.ts';

/** Bounds of WebSockets. */
export const socketBounds = (
  perAddress: number = LIMITS.socketsPerAddress,
  all: number = Math.max(LIMITS.sockets, perAddress),
): TallyBounds => ({ perAddress, all });

export class Connections {
  readonly #tally: Tally;

  /** @param webSockets as many connections are admitted, and LIMITS.connectionsBesideSockets for other requests */
  constructor(webSockets: TallyBounds) {
    this.#tally = new Tally({
      perAddress: webSockets.perAddress + LIMITS.connectionsBesideSockets,
      all: webSockets.all + LIMITS.connectionsBesideSockets,
    });
  }

  /** For the event `connection`: a connection over a bound is closed without an answer. */
  admit(socket: Socket): void {
    const address = peerOf(socket);
    if (this.#tally.full(address) !== null) {
      socket.destroy();
      return;
    }
    this.#tally.add(address);
    socket.once('close', () => this.#tally.remove(address));
  }
}
