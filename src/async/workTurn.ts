/**
 * Turns of clients for what they ask (a message, a request). A client that asks for much waits for itself: clients, which
 * are addresses, take turns, and all together have a bounded share of each round of the event loop.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** How long those that wait may work in one round of the loop: about what everybody else waits for them. */
const ROUND_MS = 4;
/** So many begin at once in each round where nobody waits: who asks little does not wait at all. */
const FREE = 4;

/** What each client waits for, in order; the client whose turn is next is the first one. */
const waiting = new Map<string, (() => void)[]>();
let round = -1;
let free = FREE;

const take = (): (() => void) | undefined => {
  const [entry] = waiting;
  if (entry === undefined) return undefined;
  const [client, queue] = entry;
  const resolve = queue.shift();
  waiting.delete(client);
  if (queue.length > 0) waiting.set(client, queue);
  return resolve;
};
const wake = servedInRounds(take, ROUND_MS);

/** Null: go on at once. Else resolves when it is this client's turn. */
export const workTurn = (client: string): Promise<void> | null => {
  const now = presentRound();
  if (now !== round) free = FREE;
  round = now;
  if (waiting.size === 0 && free > 0) {
    free -= 1;
    return null;
  }
  return new Promise((resolve) => {
    const queue = waiting.get(client);
    if (queue === undefined) waiting.set(client, [resolve]);
    else queue.push(resolve);
    wake();
  });
};
