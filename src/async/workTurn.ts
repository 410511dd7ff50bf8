/**
 * Turns of clients at the event loop, for what they ask. The client that has used the least of it lately comes first, so
 * one that asks for much waits for itself. Those that wait have a bounded share of each round of the loop together.
 */
import { presentRound, servedInRounds } from './rounds.ts';

/** How long those that wait may work in one round of the loop, ms: about what everybody else waits for them. */
const ROUND_MS = 4;
/** So many begin at once in each round where nobody waits. */
const FREE = 4;
/** A client that has used more than this lately always waits for its turn, ms. */
const FREE_MS = 50;
/** What a client has used counts half after this time, ms. */
const HALF_LIFE_MS = 2000;
/** A piece of work lets others go on after this time, ms. */
const SLICE_MS = 2;
/** Clients that are remembered before those that have used nothing lately are forgotten. */
const MOST_IDLE = 1000;
const NEXT_TO_NOTHING_MS = 1;

interface Client {
  readonly name: string;
  /** Milliseconds of the loop that it has used lately, as of `at`. */
  used: number;
  at: number;
  /** In order. */
  readonly waiting: (() => void)[];
}

const clients = new Map<string, Client>();
/** Clients that wait for something. */
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
    if (client.waiting.length === 0 && usedBy(client, now) < NEXT_TO_NOTHING_MS) clients.delete(client.name);
  }
};

/** Charges the client with what is done from now until all has been done that this began. */
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

/** Of the client that has used least; of equal ones the one that has waited longest. */
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

/** For something that begins. Null: go on at once. Else resolves when it is this client's turn. */
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

/** Something that may take long, done in slices. Several parts of it may go on at the same time. */
export class Work {
  readonly #client: string;
  #sliceEnds = performance.now() + SLICE_MS;

  /** @param client whose turns it takes */
  constructor(client: string) {
    this.#client = client;
  }

  /** To be awaited between steps that are short. Null: go on at once. Else resolves when it is the client's turn again. */
  step(): Promise<void> | null {
    return performance.now() < this.#sliceEnds ? null : this.turn();
  }

  /** Resolves when it is the client's turn again. */
  async turn(): Promise<void> {
    await wait(clientOf(this.#client));
    this.#sliceEnds = performance.now() + SLICE_MS;
  }
}
