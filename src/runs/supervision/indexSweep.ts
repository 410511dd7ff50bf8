/** Removes from the indexes of all tenants what their runs have left: a few hundred ids a step, again and again. */
import type { Redis } from 'ioredis';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { recordKey } from '../../wire/keys.ts';
import { replies } from '../records/fields.ts';
import { ACTIVE_RUNS, activeIndex, queuedIndex, runsIndex, TENANTS } from '../records/indexKeys.ts';

/** Ids of one round trip. */
const CHUNK = 200;
/** Round trips of one step. */
const STEP_CHUNKS = 100;

/** The members of a sorted set whose scores are all 0, from `from` on (`-`, or `(member`), in chunks. */
export async function* walkIds<T extends string = RunId>(
  redis: Redis,
  key: string,
  from: string,
  signal: AbortSignal,
): AsyncGenerator<T[], void, undefined> {
  for (let min = from; ; ) {
    signal.throwIfAborted();
    const members = (await redis.zrangebylex(key, min, '+', 'LIMIT', 0, CHUNK)) as T[];
    if (members.length > 0) yield members;
    if (members.length < CHUNK) return;
    min = `(${members.at(-1)}`;
  }
}

export class IndexSweep {
  readonly #redis: Redis;
  /** The sweep that is under way; it begins again after its end. */
  #chunks: AsyncGenerator<number, void, undefined> | null = null;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Looks at CHUNK ids, or at STEP_CHUNKS indexes that are short. Safe to run in several processes. @throws the connection's error */
  async step(signal: AbortSignal): Promise<void> {
    let looked = 0;
    for (let chunks = 0; looked < CHUNK && chunks < STEP_CHUNKS; chunks += 1) {
      this.#chunks ??= this.#sweep(signal);
      try {
        const next = await this.#chunks.next();
        if (next.done === true) this.#chunks = null;
        if (next.done === true) return;
        looked += next.value;
      } catch (error) {
        this.#chunks = null;
        throw error;
      }
    }
  }

  /** Yields how many ids each chunk had. */
  async *#sweep(signal: AbortSignal): AsyncGenerator<number, void, undefined> {
    yield* this.#tenant(DEFAULT_TENANT, signal);
    for await (const tenants of walkIds<string>(this.#redis, TENANTS, '-', signal)) {
      for (const tenant of tenants) {
        yield* this.#tenant(tenant, signal);
        // A run that is added meanwhile adds the tenant too, at the latest when the reconciler looks at it.
        if ((await this.#redis.exists(runsIndex(tenant))) === 0) await this.#redis.zrem(TENANTS, tenant);
      }
    }
  }

  async *#tenant(tenant: string, signal: AbortSignal): AsyncGenerator<number, void, undefined> {
    for (const index of [runsIndex(tenant), activeIndex(tenant), queuedIndex(tenant)]) {
      const isLeft = index === runsIndex(tenant) ? this.#withoutRecord : this.#inactive;
      for await (const ids of walkIds(this.#redis, index, '-', signal)) {
        const left = await isLeft(ids);
        if (left.length > 0) await this.#redis.zrem(index, ...left);
        yield ids.length;
      }
    }
  }

  readonly #withoutRecord = async (ids: readonly RunId[]): Promise<RunId[]> => {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.exists(recordKey(id));
    const there = replies(await pipeline.exec());
    return ids.filter((_, i) => there[i] === 0);
  };

  /** ACTIVE_RUNS gets a run before the tenant's index has it, and loses it later. */
  readonly #inactive = async (ids: readonly RunId[]): Promise<RunId[]> => {
    const scores = await this.#redis.zmscore(ACTIVE_RUNS, ...ids);
    return ids.filter((_, i) => scores[i] === null);
  };
}
