/**
 * Packs the log of a finished run: small entries become few full ones, which zstd makes several times smaller. Seqs stay;
 * only the borders of entries move (PROTOCOL.md, W8).
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import { BatchBuilder } from '../wire/batchBuilder.ts';
import { logKey, packedKey, recordKey } from '../wire/keys.ts';
import { COPY, MEASURE, PAGE, SWAP } from '../wire/scripts/readScripts.ts';
import { Script } from '../wire/scripts/script.ts';
import { EVENT_BYTES, StoredEntry } from './entry.ts';

/** Average events per entry above which packing gains too little. */
const FULL_EVENTS = 1000;
/** Entries below which packing is not worth its round trips. */
const MIN_ENTRIES = 4;
/** Share of the entries that packing has to save. */
const LEAST_GAIN = 1 / 4;
/** Bytes that one script looks at or copies: Redis does nothing else meanwhile. */
const STEP_BYTES = 4 * 1024 * 1024;
/** TTL of the unfinished log of a packing, so that a process that dies leaves nothing behind. */
const LEFTOVER_MS = 120_000;

const measure = new Script(MEASURE);
const copy = new Script(COPY);
const page = new Script(PAGE);
const swap = new Script(SWAP);

/** What measure.lua says of an entry. */
interface Measured {
  readonly id: string;
  readonly attempt: number;
  readonly firstSeq: Seq;
  readonly count: number;
  readonly bodyBytes: number;
}

/**
 * Returns the number of entries afterwards, or null if there was too little to gain or another process was faster. Full
 * entries are copied within Redis; of small ones, at most those of one new entry are held here. Safe to repeat and to run
 * in several processes at once. Readers do not notice it.
 * @throws the connection's error
 */
export const packLog = async (redis: Redis, runId: RunId): Promise<number | null> => {
  const [closed, lastSeq] = await redis.hmget(recordKey(runId), 'closed', 'lastSeq');
  const entries = await redis.xlen(logKey(runId));
  if (closed !== '1' || entries < MIN_ENTRIES || Number(lastSeq) / entries > FULL_EVENTS) return null;
  let groups = 0;
  for await (const _ of groupsOf(redis, runId)) groups += 1;
  if (groups > entries * (1 - LEAST_GAIN)) return null;
  const packing = new Packing(redis, runId);
  let read = 0;
  let last = '';
  for await (const group of groupsOf(redis, runId)) {
    await packing.take(group);
    read += group.length;
    last = group.at(-1)?.id ?? last;
  }
  await packing.copyWaiting();
  const swapped = await swap.run(redis, [recordKey(runId), logKey(runId), packing.key], [read, last]);
  return swapped === 1 ? packing.entries : null;
};

async function* measured(redis: Redis, runId: RunId): AsyncGenerator<Measured, void, undefined> {
  for (let from = '-'; ; ) {
    const flat = (await measure.run(redis, [logKey(runId)], [from, STEP_BYTES])) as (string | number)[];
    for (let i = 0; i + 4 < flat.length; i += 5) {
      const [id, attempt, firstSeq, count, bodyBytes] = flat.slice(i, i + 5);
      yield {
        id: String(id),
        attempt: Number(attempt),
        firstSeq: Number(firstSeq),
        count: Number(count),
        bodyBytes: Number(bodyBytes),
      };
    }
    if (flat.length === 0) return;
    from = `(${flat.at(-5)}`;
  }
}

/** Neighbours that fit into one entry: same attempt, no gap, within LIMITS.appendEvents and appendBytes. */
async function* groupsOf(redis: Redis, runId: RunId): AsyncGenerator<readonly Measured[], void, undefined> {
  let group: Measured[] = [];
  let [events, bytes, next] = [0, 0, 0];
  for await (const one of measured(redis, runId)) {
    const { count, bodyBytes, firstSeq, attempt } = one;
    const fits =
      events + count <= LIMITS.appendEvents &&
      bytes + bodyBytes <= LIMITS.appendBytes &&
      firstSeq === next &&
      attempt === group[0]?.attempt;
    if (group.length > 0 && !fits) {
      yield group;
      group = [];
      events = 0;
      bytes = 0;
    }
    group.push(one);
    events += count;
    bytes += bodyBytes;
    next = firstSeq + count;
  }
  if (group.length > 0) yield group;
}

class Packing {
  readonly #redis: Redis;
  readonly #runId: RunId;
  readonly key: string;
  entries = 0;
  /** Entries to be copied unchanged: the IDs of the first and the last one. */
  #waiting: { readonly from: string; to: string } | null = null;

  constructor(redis: Redis, runId: RunId) {
    this.#redis = redis;
    this.#runId = runId;
    this.key = packedKey(runId, randomUUID());
  }

  /** Adds one entry for the group. */
  async take(group: readonly Measured[]): Promise<void> {
    const [first] = group;
    const last = group.at(-1);
    if (first === undefined || last === undefined) return;
    this.entries += 1;
    if (group.length === 1) {
      if (this.#waiting === null) this.#waiting = { from: first.id, to: first.id };
      else this.#waiting.to = first.id;
      return;
    }
    await this.copyWaiting();
    await this.#merge(group, first, last);
  }

  async copyWaiting(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = null;
    for (let from = waiting?.from; from !== undefined && waiting !== null; ) {
      const keys = [logKey(this.#runId), this.key];
      const copied = String(await copy.run(this.#redis, keys, [from, waiting.to, STEP_BYTES, LEFTOVER_MS]));
      from = copied === '' || copied === waiting.to ? undefined : `(${copied}`;
    }
  }

  async #merge(group: readonly Measured[], first: Measured, last: Measured): Promise<void> {
    const builder = new BatchBuilder();
    const keys = [recordKey(this.#runId), logKey(this.#runId)];
    for (let from = first.id; ; ) {
      const args = ['XRANGE', from, last.id, group.length, LIMITS.pageBytes, EVENT_BYTES, ''];
      const [, entries, all] = (await page.runBuffer(this.#redis, keys, args)) as [
        unknown,
        [Buffer, Buffer[]][],
        number,
      ];
      for (const [id, fields] of entries) {
        const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString() === 'd');
        for (const event of new StoredEntry(fields[at + 1] ?? Buffer.alloc(0)).events()) builder.addStored(event);
        from = `(${id}`;
      }
      if (all === 1 || entries.length === 0) break;
    }
    const { lines, messageBytes } = builder;
    await this.#redis
      .multi()
      .xadd(
        this.key,
        `${last.firstSeq + last.count - 1}-0`,
        'd',
        builder.seal(first.firstSeq, first.attempt),
        'l',
        lines,
        'b',
        messageBytes,
      )
      .pexpire(this.key, LEFTOVER_MS)
      .exec();
  }
}
