/**
 * The ends of attempts that this process has seen, as long as Redis can lose them. An executor writes its own end again
 * while it is there. After that this process does it: with the same bytes, so an end is never written in two versions.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunRecord } from '../../domain/run.ts';
import { type AppendRequest, appendBatch } from '../../wire/append.ts';
import { batchHeader } from '../../wire/codec.ts';
import { logKey, recordKey } from '../../wire/keys.ts';
import { parseRecord, stateOf } from '../../wire/runRecord.ts';
import { recordReplies, replies } from '../records/fields.ts';

const LOOK_EVERY_MS = 1000;
/** Longer than the time span that a Redis with one sync a second can lose. */
const KEEP_MS = 5000;
/** Ends that are remembered, at most, of some kilobytes each. Beyond that the oldest are forgotten. */
const MOST = 5000;
/** A batch with an end has a few hundred bytes. A larger one has other events too. */
const LARGEST_BYTES = 64 * 1024;

interface Ending {
  readonly request: AppendRequest;
  /** The executor is there: it writes again itself, with what the batch lacks. */
  executorThere: boolean;
  /** Since when Redis has it while no executor is there, by performance.now(). */
  since: number;
}

export class KeptEnds {
  readonly #redis: Redis;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  readonly #ends = new Map<RunId, Ending>();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(redis: Redis, log: Pick<Logger, 'warn' | 'info'>) {
    this.#redis = redis;
    this.#log = log;
  }

  /** As LossGuard.keepEnd. */
  async keep(runId: RunId, executorGone: Promise<unknown> | null): Promise<void> {
    try {
      const request = await this.#readEnding(runId);
      if (request === null) return;
      const ending: Ending = { request, executorThere: executorGone !== null, since: performance.now() };
      this.#ends.delete(runId);
      this.#ends.set(runId, ending);
      for (const oldest of this.#ends.keys()) {
        if (this.#ends.size <= MOST) break;
        this.#ends.delete(oldest);
      }
      const gone = (): void => {
        ending.executorThere = false;
        ending.since = performance.now();
      };
      executorGone?.then(gone, gone);
      this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS);
    } catch (error) {
      this.#log.info({ err: error, runId }, 'could not remember the end of an attempt');
    }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#ends.clear();
  }

  async #readEnding(runId: RunId): Promise<AppendRequest | null> {
    const [fields, newest] = replies(
      await this.#redis.multi().hgetall(recordKey(runId)).xrevrangeBuffer(logKey(runId), '+', '-', 'COUNT', 1).exec(),
    ) as [Record<string, string>, [id: Buffer, fields: Buffer[]][]];
    const run = parseRecord(fields, runId);
    const [, batch, , lines, , bytes] = newest[0]?.[1] ?? [];
    if (run === null || batch === undefined || batch.length > LARGEST_BYTES) return null;
    if (!run.closed && run.status !== 'PENDING') return null;
    const { firstSeq, lastSeq } = batchHeader(batch);
    if (lastSeq !== run.lastSeq) return null;
    return {
      term: run.term,
      writer: run.writer,
      firstSeq,
      count: lastSeq - firstSeq + 1,
      batch,
      lines: Number(lines),
      messageBytes: Number(bytes),
      closes: run.closed,
      acrossLoss: { lines: run.lines - Number(lines), bytes: run.bytes - Number(bytes) },
      changes: stateAtEnd(run),
      index: run.logIndex === '' ? undefined : { state: run.logIndex, fields: [] },
    };
  }

  /** Asks about all runs in one round trip. While Redis is away nothing is forgotten. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const ids = [...this.#ends.keys()];
      const pipeline = this.#redis.pipeline();
      for (const id of ids) pipeline.hget(recordKey(id), 'lastSeq');
      const seqs = recordReplies(await pipeline.exec());
      for (const [i, id] of ids.entries()) await this.#check(id, seqs[i] as string | null);
    } catch {
      // Asked again a second later.
    } finally {
      this.#looking = false;
      if (this.#ends.size === 0) this.close();
    }
  }

  async #check(id: RunId, lastSeq: string | null): Promise<void> {
    const ending = this.#ends.get(id);
    if (ending === undefined) return;
    const { request } = ending;
    const now = performance.now();
    if (lastSeq === null) this.#ends.delete(id);
    else if (ending.executorThere) return;
    else if (Number(lastSeq) >= request.firstSeq + request.count - 1) {
      if (now - ending.since >= KEEP_MS) this.#ends.delete(id);
    } else {
      const { code } = await appendBatch(this.#redis, id, request);
      this.#log.warn({ runId: id, code }, 'Redis had lost the end of an attempt; it was written again');
      if (code === 'OK') ending.since = now;
      else this.#ends.delete(id);
    }
  }
}

/** Everything that the end and the writers before it have set on the record. */
const stateAtEnd = (run: RunRecord): AppendRequest['changes'] => ({
  ...stateOf(run),
  // Without a cancel here, one on the record stays: it can be newer.
  ...(run.cancelRequestedAt === null
    ? {}
    : { cancelRequestedAt: run.cancelRequestedAt, cancelReason: run.cancelReason, cancelForce: run.cancelForce }),
  ...(isTerminal(run.status) ? { finishedAt: run.finishedAt } : {}),
});
