/**
 * Turns of clients (addresses) for their messages, requests and the slices of long work. The client that has used least
 * of the event loop lately is served first: a client that asks for much delays itself only. All clients that wait have a
 * bounded share of each round of the loop.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** Milliseconds of each round of the loop for clients that wait: about what they delay everything else. */
const ROUND_MS = 4;
/** So many start at once in each round while no client waits: a client that asks for little does not wait at all. */
const FREE = 4;
/** A client that has used more milliseconds than this lately always waits for its turn. */
const FREE_MS = 50;
/** Milliseconds after which the use of a client counts half. */
const HALF_LIFE_MS = 2000;
/** Milliseconds that work goes on before it waits for its client's next turn. */
const SLICE_MS = 2;
/** So many clients are known before those without recent use are forgotten. */
const MOST_IDLE = 1000;
/** Less than so many milliseconds is no recent use. */
const NO_USE_MS = 1;

interface Client {
  readonly name: string;
  /** Recent use of the loop in milliseconds, as it was at the time `at`. */
  used: number;
  at: number;
  /** Requests and slices that wait, in order. */
  readonly waiting: (() => void)[];
}

const clients = new Map<string, Client>();
/** Clients that wait. */
const waiting = new Set<Client>();
let round = -1;
let free = FREE;

const usedBy = ({ used, at }: Client, now: number): number => used * 2 ** ((at - now) / HALF_LIFE_MS);

const clientOf = (name: string): Client => {
  const known = clients.get(name);
  if (known !== undefined) return known;
  if (clients.size >= MOST_IDLE) forgetIdle();
  const made: Client = { name, used: 0, at: performance.now(), waiting: [] };
  clients.set(name, made);
  return made;
};

const forgetIdle = (): void => {
  const now = performance.now();
  for (const client of clients.values()) {
    if (client.waiting.length === 0 && usedBy(client, now) < NO_USE_MS) clients.delete(client.name);
  }
};

/** Charges the client for the time until the present microtasks and all that they start are done. */
const charge = (client: Client): void => {
  const begun = performance.now();
  queueMicrotask(() =>
    process.nextTick(() => {
      const now = performance.now();
      client.used = usedBy(client, now) + now - begun;
      client.at = now;
    }),
  );
};

/** The next of the client that has used least; of equal clients, the one that was served longest ago. */
const take = (): (() => void) | undefined => {
  const now = performance.now();
  let next: Client | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const client of waiting) {
    const used = usedBy(client, now);
    if (used >= least) continue;
    next = client;
    least = used;
  }
  if (next === undefined) return undefined;
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

const wait = (client: Client): Promise<void> =>
  new Promise((resolve) => {
    client.waiting.push(resolve);
    waiting.add(client);
    wake();
  });

/** For something that starts. Null: go on at once. Otherwise resolves when it is this client's turn. */
export const workTurn = (name: string): Promise<void> | null => {
  const client = clientOf(name);
  const now = presentRound();
  if (now !== round) free = FREE;
  round = now;
  if (waiting.size > 0 || free <= 0 || usedBy(client, performance.now()) > FREE_MS) return wait(client);
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
