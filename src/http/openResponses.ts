/** Responses that stay open (server-sent events, downloads): cut when their client stalls, and when the server stops. */
import type { ServerResponse } from 'node:http';
import { cutStalled } from './sockets/keepAlive.ts';

export class OpenResponses {
  readonly #open = new Set<ServerResponse>();
  readonly #stalledMs: number;
  #stopping = false;

  /** @param stalledMs a client that reads none of what waits for it for this long is cut; one that reads slowly is not */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  /** Watches the response until it closes. After `cutAll` it is destroyed at once. */
  add(response: ServerResponse): void {
    if (this.#stopping) {
      response.destroy();
      return;
    }
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    this.watch(response);
  }

  /** Only watches for a stalled client; `cutAll` leaves the response alone. */
  watch(response: ServerResponse): void {
    const sending = { socket: () => response.socket, waiting: () => response.writableLength };
    response.once('close', cutStalled(sending, this.#stalledMs));
  }

  cutAll(): void {
    this.#stopping = true;
    for (const response of this.#open) response.destroy();
  }
}
