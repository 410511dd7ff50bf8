/**
 * Packs the log of a finished run: entries that a quiet command left small are put together into full ones,
 * which zstd makes several times smaller. Seqs stay; only the borders of entries move.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import { BatchBuilder } from './codec.ts';
import { StoredEntry } from './entry.ts';
import { logKey, packedKey, recordKey } from './keys.ts';
import { Script } from './script.ts';

/** Entries with more events than this, on average, gain too little. */
const FULL_EVENTS = 1000;
/** Fewer entries than this are not worth the round trips. */
const MIN_ENTRIES = 4;
const READ_ENTRIES = 500;
/** What a packing that dies leaves behind is gone after this. */
const LEFTOVER_MS = 120_000;

/** Puts the packed log in the place of the log it was made of. KEYS: record, log, packed. ARGV: entries read, last ID. */
const SWAP = new Script(`
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if redis.call('HGET', KEYS[1], 'closed') ~= '1' or redis.call('XLEN', KEYS[2]) ~= tonumber(ARGV[1])
  or not newest or newest[1] ~= ARGV[2] or redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[3])
  return 0
end
redis.call('RENAME', KEYS[3], KEYS[2])
redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
return 1`);

/**
 * Answers how many entries there are now, or null where there was nothing to gain (or somebody else was
 * faster). Holds one page at a time. Safe to repeat and to run at once in several processes; readers are
 * not disturbed. @throws the connection's error
 */
export const packLog = async (redis: Redis, runId: RunId): Promise<number | null> => {
  const [closed, lastSeq] = await redis.hmget(recordKey(runId), 'closed', 'lastSeq');
  const entries = await redis.xlen(logKey(runId));
  if (closed !== '1' || entries < MIN_ENTRIES || Number(lastSeq) / entries > FULL_EVENTS) return null;
  const packed = packedKey(runId, randomUUID());
  const writer = new PackWriter(redis, packed);
  let read = 0;
  let from = '-';
  for (;;) {
    const page = await redis.xrangeBuffer(logKey(runId), from, '+', 'COUNT', READ_ENTRIES);
    for (const [id, fields] of page) {
      const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString() === 'd');
      await writer.add(new StoredEntry(fields[at + 1] ?? Buffer.alloc(0)));
      from = `(${id}`;
    }
    read += page.length;
    if (page.length < READ_ENTRIES) break;
  }
  await writer.flush();
  const swapped = await SWAP.run(redis, [recordKey(runId), logKey(runId), packed], [read, from.slice(1)]);
  return swapped === 1 ? writer.entries : null;
};

class PackWriter {
  readonly #redis: Redis;
  readonly #key: string;
  #builder = new BatchBuilder();
  #firstSeq: Seq = 0;
  #nextSeq: Seq = 0;
  #attempt = 0;
  entries = 0;

  constructor(redis: Redis, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** A batch holds one attempt and has no hole. */
  async add(entry: StoredEntry): Promise<void> {
    const builder = this.#builder;
    const full =
      builder.count + (entry.lastSeq - entry.firstSeq + 1) > LIMITS.appendEvents ||
      builder.size + entry.bodyBytes > LIMITS.appendBytes;
    if (builder.count > 0 && (full || entry.firstSeq !== this.#nextSeq || entry.attempt !== this.#attempt)) {
      await this.flush();
    }
    if (this.#builder.count === 0) this.#firstSeq = entry.firstSeq;
    this.#attempt = entry.attempt;
    this.#nextSeq = entry.lastSeq + 1;
    for (const event of entry.events()) this.#builder.addStored(event);
  }

  async flush(): Promise<void> {
    const builder = this.#builder;
    if (builder.count === 0) return;
    const { lines, messageBytes } = builder;
    const batch = builder.seal(this.#firstSeq, this.#attempt);
    await this.#redis
      .multi()
      .xadd(this.#key, `${this.#nextSeq - 1}-0`, 'd', batch, 'l', lines, 'b', messageBytes)
      .pexpire(this.#key, LEFTOVER_MS)
      .exec();
    this.entries += 1;
    this.#builder = new BatchBuilder();
  }
}
