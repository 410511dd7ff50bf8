/**
 * Turns of clients (addresses) for their messages, requests and the slices of long work: start-time fair queuing (Goyal,
 * Vin, Cheng 1996). Clients that wait get equal shares of the event loop, whatever they used before. So a new client does
 * not pass one that has been at work for long, and one that asks for less than its share is served next. Clients that wait
 * have a bounded part of each round of the loop. A client that uses much of the loop beside others rests after each turn.
 * So a client that asks for much delays itself only.
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
  /** Virtual time at which its last turn ended: where that began, and the CPU time that it took. */
  served: number;
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
/** Virtual time: where the latest turn began. It goes up by the CPU time of one client, milliseconds. */
let present = 0;
/** The least use of the active clients, as it was at the time `lookedAt`. */
let least = 0;
let lookedAt = Number.NEGATIVE_INFINITY;

const usedBy = ({ used, at }: Client, now: number): number => used * 2 ** ((at - now) / HALF_LIFE_MS);
const rests = ({ restsUntil }: Client, now: number): boolean => restsUntil > now + SHORT_REST_MS;

/** Virtual time at which its next turn begins. A client that has asked for nothing does not save up turns. */
const startOf = ({ served }: Client): number => Math.max(served, present);

const clientOf = (name: string): Client => {
  const known = clients.get(name);
  if (known !== undefined) return known;
  if (clients.size >= MOST_IDLE) forgetIdle();
  const made: Client = { name, used: 0, at: performance.now(), served: 0, restsUntil: 0, waiting: [] };
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

/** CPU time of this thread, milliseconds: what other programs of the machine take is nobody's use. Costs 0.5 µs. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** Charges the client for the time until the present microtasks and all that they start are done. */
const charge = (client: Client): void => {
  const begun = performance.now();
  const cpuBegun = cpuMs();
  present = startOf(client);
  client.served = present;
  queueMicrotask(() =>
    process.nextTick(() => {
      const now = performance.now();
      client.served += cpuMs() - cpuBegun;
      client.used = usedBy(client, now) + now - begun;
      client.at = now;
      if (!isGreedy(client, now)) return;
      const rest = Math.max(client.restsUntil - now, 0) + REST * (now - begun);
      client.restsUntil = now + Math.min(rest, MAX_REST_MS);
    }),
  );
};

/** Whether the next turn of the one client comes before that of the other: of equal ones, the client that used less. */
const isBefore = (one: Client, other: Client, now: number): boolean =>
  startOf(one) < startOf(other) || (startOf(one) === startOf(other) && usedBy(one, now) < usedBy(other, now));

/** The next turn; of equal clients, of the one that was served longest ago. */
const take = (): (() => void) | undefined => {
  const now = performance.now();
  let next: Client | undefined;
  let rested = Number.POSITIVE_INFINITY;
  for (const client of waiting) {
    if (rests(client, now)) rested = Math.min(rested, client.restsUntil);
    else if (next === undefined || isBefore(client, next, now)) next = client;
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
  for (const other of waiting) if (!rests(other, now) && !isBefore(client, other, now)) return false;
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
