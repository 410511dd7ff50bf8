/**
 * Turns of sockets at the event loop. A kernel that takes everything at once never makes a socket wait; without turns,
 * sockets with much to send would delay those with little.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** Bytes that one socket can send in a round before others get their turn. */
const TURN_BYTES = 128 * 1024;
/** Milliseconds of each round of the loop for sockets that wait for a turn: about what they delay a live line. */
const ROUND_MS = 2;

export class Turn {
  #sent = 0;
  #round = -1;

  /** Notes that so many bytes were sent. True: the turn is over, so await `nextTurn`. */
  isOver(bytes: number): boolean {
    const now = presentRound();
    if (now !== this.#round) this.#sent = 0;
    this.#round = now;
    this.#sent += bytes;
    return this.#sent > TURN_BYTES;
  }
}

/** Sockets that wait, in order; at most one entry per socket. */
const waiting: (() => void)[] = [];
const wake = servedInRounds(() => waiting.shift(), ROUND_MS);

/** Resolves in a later round of the loop, after all sockets that waited before. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
    wake();
  });
