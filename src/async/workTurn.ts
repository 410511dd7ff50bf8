/**
 * Turns of clients for their messages and requests. Clients (addresses) take turns, and all together have a bounded share
 * of each round of the event loop: a client that asks for much delays itself only.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** Milliseconds of each round of the loop for clients that wait: about what they delay everything else. */
const ROUND_MS = 4;
/** So many start at once in each round while no client waits: a client that asks for little does not wait at all. */
const FREE = 4;

/** The waiting requests of each client, in order. The first client is next. */
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

/** Null: go on at once. Otherwise resolves when it is this client's turn. */
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
