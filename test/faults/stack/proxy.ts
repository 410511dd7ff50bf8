/** A TCP port in front of Redis with faults of the network: down, down in one direction, slow, one byte at a time, lost replies. */
import { connect, createServer, type Socket } from 'node:net';

/**
 * - open: no fault;
 * - shut: connections are closed, new ones too;
 * - blackhole: no data moves in either direction, without an error;
 * - upCut, downCut: no data moves to Redis, or from it;
 * - slow: data arrives DELAY_MS later;
 * - bytes: one byte at a time.
 */
export type ProxyMode = 'open' | 'shut' | 'blackhole' | 'upCut' | 'downCut' | 'slow' | 'bytes';

export interface NetworkProxy extends AsyncDisposable {
  readonly url: string;
  set(mode: ProxyMode): void;
  /** Closes all present connections. Returns how many there were. */
  cut(): number;
  /** From now on, each `every`-th request with `marker` reaches Redis but loses its reply; 0: none. */
  loseAnswers(marker: string, every: number): void;
  readonly lostAnswers: () => number;
}

const DELAY_MS = 200;

interface Pair {
  readonly client: Socket;
  readonly redis: Socket;
  /** Data that waits until the mode lets it pass. */
  readonly look: () => void;
}

/** @param target path of the unix socket of Redis */
export const startProxy = async (target: string): Promise<NetworkProxy> => {
  const pairs = new Set<Pair>();
  let mode: ProxyMode = 'open';
  let marker = '';
  let every = 0;
  let seen = 0;
  let lost = 0;

  const held = (up: boolean): boolean => mode === 'blackhole' || mode === (up ? 'upCut' : 'downCut');
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (mode === 'shut') {
      client.destroy();
      return;
    }
    const redis = connect(target);
    client.setNoDelay(true);
    let loses = false;
    const up = new Way(
      redis,
      () => held(true),
      () => mode,
    );
    const down = new Way(
      client,
      () => held(false),
      () => mode,
    );
    const pair: Pair = {
      client,
      redis,
      look: () => {
        up.look();
        down.look();
      },
    };
    pairs.add(pair);
    redis.on('error', () => undefined);
    redis.on('close', () => client.destroy());
    client.on('close', () => {
      pairs.delete(pair);
      if (!loses) redis.destroy();
    });
    client.on('data', (chunk) => {
      if (loses) return;
      up.push(chunk);
      if (every === 0 || !chunk.includes(marker)) return;
      seen += 1;
      loses = seen % every === 0;
    });
    redis.on('data', (chunk) => {
      if (!loses) {
        down.push(chunk);
        return;
      }
      // Redis has replied, so the command was executed.
      lost += 1;
      redis.destroy();
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const cut = (): number => {
    const count = pairs.size;
    for (const { client, redis } of [...pairs]) {
      client.resetAndDestroy();
      redis.destroy();
    }
    return count;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    set: (next) => {
      mode = next;
      if (next === 'shut') cut();
      for (const pair of pairs) pair.look();
    },
    cut,
    loseAnswers: (text, nth) => {
      marker = text;
      every = nth;
      seen = 0;
    },
    lostAnswers: () => lost,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** One direction of one connection, in order. Data that cannot pass is held without bound: the test decides how much there is. */
class Way {
  readonly #to: Socket;
  readonly #held: () => boolean;
  readonly #mode: () => ProxyMode;
  readonly #waiting: { readonly chunk: Buffer; readonly at: number }[] = [];
  #busy = false;

  constructor(to: Socket, held: () => boolean, mode: () => ProxyMode) {
    this.#to = to;
    this.#held = held;
    this.#mode = mode;
  }

  push(chunk: Buffer): void {
    this.#waiting.push({ chunk, at: Date.now() + (this.#mode() === 'slow' ? DELAY_MS : 0) });
    this.look();
  }

  look(): void {
    if (this.#busy) return;
    const first = this.#waiting[0];
    if (first === undefined || this.#held() || this.#to.destroyed) return;
    const wait = first.at - Date.now();
    if (wait > 0) {
      this.#later(() => setTimeout(() => this.#go(), wait));
      return;
    }
    this.#waiting.shift();
    if (this.#mode() !== 'bytes') {
      this.#to.write(first.chunk);
      this.look();
      return;
    }
    this.#later(() => this.#byByte(first.chunk, 0));
  }

  #byByte(chunk: Buffer, from: number): void {
    if (this.#to.destroyed) return;
    if (this.#mode() !== 'bytes') {
      this.#to.write(chunk.subarray(from));
      this.#go();
      return;
    }
    // Each byte is one write and one packet (no Nagle). Several per turn, or it would never end.
    const end = Math.min(from + 64, chunk.length);
    for (let at = from; at < end; at += 1) this.#to.write(chunk.subarray(at, at + 1));
    if (end === chunk.length) this.#go();
    else setImmediate(() => this.#byByte(chunk, end));
  }

  #later(start: () => void): void {
    this.#busy = true;
    start();
  }

  #go(): void {
    this.#busy = false;
    this.look();
  }
}
