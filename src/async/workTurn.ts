/**
 * Turns of clients (addresses) for their messages, requests and the slices of long work. The client that has used least
 * of the event loop lately is served first. Clients that wait have a bounded share of each round of the loop. A client
 * that uses much of the loop beside others rests after each turn. So a client that asks for much delays itself only.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** Milliseconds of each round of the loop for clients that wait: about what they delay everything else. */
const ROUND_MS = 1;
/** So many turns at once are free in each round: a client that asks for little does not wait at all. */
const FREE = 4;
/** Milliseconds after which the use of a client counts half. */
const HALF_LIFE_MS = 2000;
/** Milliseconds that work goes on before it waits for its client's next turn. */
const SLICE_MS = 1;
/** A client that has used more milliseconds lately is greedy, if another has used less than half: about 20 % of the loop. */
const GREEDY_MS = 500;
/** A greedy client rests so many times as long as it worked. */
const REST = 2;
/** Milliseconds that a rest lasts at most: one long turn is not repaid in one go. */
const MAX_REST_MS = 50;
/** Milliseconds of rest that are not worth a timer. They are added to the next rest. */
const SHORT_REST_MS = 1;
/** A client without a turn for so many milliseconds does not compete. */
const ACTIVE_MS = 1000;
/** How often the least use of the active clients is looked for, milliseconds. */
const LOOK_MS = 50;
/** So many clients are known before those without recent use are forgotten. */
const MOST_IDLE = 1000;
/** Less than so many milliseconds is no recent use. */
const NO_USE_MS = 1;

interface Client {
  readonly name: string;
  /** Recent use of the loop in milliseconds, as it was at the time `at`. */
  used: number;
  at: number;
  /** It is not served before this time. */
  restsUntil: number;
  /** Requests and slices that wait, in order. */
  readonly waiting: (() => void)[];
}

const clients = new Map<string, Client>();
/** Clients that wait. */
const waiting = new Set<Client>();
let round = -1;
let free = FREE;
/** The least use of the active clients, as it was at the time `lookedAt`. */
let least = 0;
let lookedAt = Number.NEGATIVE_INFINITY;

const usedBy = ({ used, at }: Client, now: number): number => used * 2 ** ((at - now) / HALF_LIFE_MS);
const rests = ({ restsUntil }: Client, now: number): boolean => restsUntil > now + SHORT_REST_MS;

const clientOf = (name: string): Client => {
  const known = clients.get(name);
  if (known !== undefined) return known;
  if (clients.size >= MOST_IDLE) forgetIdle();
  const made: Client = { name, used: 0, at: performance.now(), restsUntil: 0, waiting: [] };
  clients.set(name, made);
  return made;
};

const forgetIdle = (): void => {
  const now = performance.now();
  for (const client of clients.values()) {
    if (client.waiting.length === 0 && usedBy(client, now) < NO_USE_MS) clients.delete(client.name);
  }
};

/** Whether the client uses much of the loop while others ask for less. */
const isGreedy = (client: Client, now: number): boolean => {
  const used = usedBy(client, now);
  if (used < GREEDY_MS) return false;
  if (now - lookedAt > LOOK_MS) {
    lookedAt = now;
    least = used;
    for (const one of clients.values()) if (one.at > now - ACTIVE_MS) least = Math.min(least, usedBy(one, now));
  }
  return least < used / 2;
};

/** Charges the client for the time until the present microtasks and all that they start are done. */
const charge = (client: Client): void => {
  const begun = performance.now();
  queueMicrotask(() =>
    process.nextTick(() => {
      const now = performance.now();
      client.used = usedBy(client, now) + now - begun;
      client.at = now;
      if (!isGreedy(client, now)) return;
      const rest = Math.max(client.restsUntil - now, 0) + REST * (now - begun);
      client.restsUntil = now + Math.min(rest, MAX_REST_MS);
    }),
  );
};

/** The next of the client that has used least; of equal clients, the one that was served longest ago. */
const take = (): (() => void) | undefined => {
  const now = performance.now();
  let next: Client | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  let rested = Number.POSITIVE_INFINITY;
  for (const client of waiting) {
    if (rests(client, now)) rested = Math.min(rested, client.restsUntil);
    const used = rests(client, now) ? Number.POSITIVE_INFINITY : usedBy(client, now);
    if (used >= lowest) continue;
    next = client;
    lowest = used;
  }
  if (next === undefined) {
    if (rested < Number.POSITIVE_INFINITY) wakeLater(rested - now);
    return undefined;
  }
  const client = next;
  const resolve = client.waiting.shift();
  waiting.delete(client);
  if (client.waiting.length > 0) waiting.add(client);
  return () => {
    charge(client);
    resolve?.();
  };
};
const wake = servedInRounds(take, ROUND_MS);

/** For when a rest ends. */
let waking = false;
const wakeLater = (ms: number): void => {
  if (waking) return;
  waking = true;
  setTimeout(() => {
    waking = false;
    wake();
  }, ms);
};

const wait = (client: Client): Promise<void> =>
  new Promise((resolve) => {
    client.waiting.push(resolve);
    waiting.add(client);
    wake();
  });

/** Whether the client would be served next. */
const isFirst = (client: Client, now: number): boolean => {
  if (client.waiting.length > 0 || isGreedy(client, now)) return false;
  const used = usedBy(client, now);
  for (const other of waiting) if (usedBy(other, now) <= used && !rests(other, now)) return false;
  return true;
};

/** For something that starts. Null: go on at once. Otherwise resolves when it is this client's turn. */
export const workTurn = (name: string): Promise<void> | null => {
  const client = clientOf(name);
  const now = presentRound();
  if (now !== round) free = FREE;
  round = now;
  if (free <= 0 || !isFirst(client, performance.now())) return wait(client);
  free -= 1;
  charge(client);
  return null;
};

/** Work that can take long and is done in slices. Parts of it may run concurrently. */
export class Work {
  readonly #client: string;
  #sliceEnds = performance.now() + SLICE_MS;

  /** @param client the client whose turns it uses */
  constructor(client: string) {
    this.#client = client;
  }

  /** Call it between short steps. Null: go on at once. Otherwise resolves at the client's next turn. */
  step(): Promise<void> | null {
    return performance.now() < this.#sliceEnds ? null : this.turn();
  }

  /** Resolves at the client's next turn. */
  async turn(): Promise<void> {
    await wait(clientOf(this.#client));
    this.#sliceEnds = performance.now() + SLICE_MS;
  }
}
