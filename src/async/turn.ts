/**
 * Turns of sockets at the event loop. A kernel that takes all at once would never make a socket wait; and many that
 * have much to be sent must not hold up those that have little, which need no turn.
 */

import { presentRound, servedInRounds } from './rounds.ts';

/** What one socket may send before others get their turn. */
const TURN_BYTES = 128 * 1024;
/** How long those that wait for a turn may send in one round of the loop: about what a live line waits for them. */
const ROUND_MS = 2;

export class Turn {
  #sent = 0;
  #round = -1;

  /** Notes that so much was sent; true: it is for others to send now, so `nextTurn` is to be awaited. */
  isOver(bytes: number): boolean {
    const now = presentRound();
    if (now !== this.#round) this.#sent = 0;
    this.#round = now;
    this.#sent += bytes;
    return this.#sent > TURN_BYTES;
  }
}

/** Who waits, in order; as many as there are sockets. */
const waiting: (() => void)[] = [];
const wake = servedInRounds(() => waiting.shift(), ROUND_MS);

/** Resolves in a later round of the loop, after all of those that waited before. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
    wake();
  });
