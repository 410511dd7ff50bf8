/** Turns of sockets at the event loop: a kernel that takes all at once would never make a socket wait. */

/** What one socket may send before others get their turn. */
const TURN_BYTES = 512 * 1024;

export class Turn {
  #sent = 0;
  #ends = false;

  /** Notes that so much was sent; true: it is for others to send now, so `nextTurn` is to be awaited. */
  isOver(bytes: number): boolean {
    this.#sent += bytes;
    if (!this.#ends) {
      this.#ends = true;
      setImmediate(() => {
        this.#sent = 0;
        this.#ends = false;
      });
    }
    return this.#sent > TURN_BYTES;
  }
}

/** Resolves when the loop has gone round once. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
