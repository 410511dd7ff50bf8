/**
 * The ends of attempts that this process has seen, for as long as Redis may still lose them. The executor puts
 * its own back while it lingers; where it is gone by then, this is the second line: the same end, or none.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunRecord } from '../../domain/run.ts';
import { type AppendRequest, appendBatch } from '../../wire/append.ts';
import { batchHeader } from '../../wire/codec.ts';
import { logKey, recordKey } from '../../wire/keys.ts';
import { parseRecord, stateOf } from '../../wire/runRecord.ts';
import { replies } from '../records/store.ts';

const LOOK_EVERY_MS = 1000;
/** Longer than a Redis that syncs each second can lose. */
const KEEP_MS = 5000;
/** Some kilobytes each; beyond it the oldest go. */
const MOST = 5000;
/** An end is a few hundred bytes; what is larger is no end on its own. */
const LARGEST_BYTES = 64 * 1024;

interface Ending {
  readonly request: AppendRequest;
  /** The executor may put back more than this: its turn comes first. */
  executorThere: boolean;
  /** Since when it has been whole in Redis with no executor, by performance.now(). */
  since: number;
}

export class KeptEndings {
  readonly #redis: Redis;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  readonly #endings = new Map<RunId, Ending>();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(redis: Redis, log: Pick<Logger, 'warn' | 'info'>) {
    this.#redis = redis;
    this.#log = log;
  }

  /**
   * Remembers the end that the run's log has now, if it has one. `executorGone`: resolves when its executor
   * cannot put it back any more. Never throws: without Redis there is nothing to remember.
   */
  async keep(runId: RunId, executorGone: Promise<unknown> | null = null): Promise<void> {
    try {
      const request = await this.#readEnding(runId);
      if (request === null) return;
      const ending: Ending = { request, executorThere: executorGone !== null, since: performance.now() };
      this.#endings.delete(runId);
      this.#endings.set(runId, ending);
      for (const oldest of this.#endings.keys()) {
        if (this.#endings.size <= MOST) break;
        this.#endings.delete(oldest);
      }
      const gone = (): void => {
        ending.executorThere = false;
        ending.since = performance.now();
      };
      executorGone?.then(gone, gone);
      this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS);
    } catch (error) {
      this.#log.info({ err: error, runId }, 'an end could not be kept');
    }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#endings.clear();
  }

  async #readEnding(runId: RunId): Promise<AppendRequest | null> {
    const [fields, newest] = replies(
      await this.#redis.multi().hgetall(recordKey(runId)).xrevrangeBuffer(logKey(runId), '+', '-', 'COUNT', 1).exec(),
    ) as [Record<string, string>, [id: Buffer, fields: Buffer[]][]];
    const run = parseRecord(fields);
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
    };
  }

  /** One question for all. While Redis is away nothing is forgotten. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const ids = [...this.#endings.keys()];
      const pipeline = this.#redis.pipeline();
      for (const id of ids) pipeline.hget(recordKey(id), 'lastSeq');
      const seqs = replies(await pipeline.exec());
      for (const [i, id] of ids.entries()) await this.#check(id, seqs[i] as string | null);
    } catch {
      // The next second asks again.
    } finally {
      this.#looking = false;
      if (this.#endings.size === 0) this.close();
    }
  }

  async #check(id: RunId, lastSeq: string | null): Promise<void> {
    const ending = this.#endings.get(id);
    if (ending === undefined) return;
    const { request } = ending;
    const now = performance.now();
    if (lastSeq === null) this.#endings.delete(id);
    else if (ending.executorThere) return;
    else if (Number(lastSeq) >= request.firstSeq + request.count - 1) {
      if (now - ending.since >= KEEP_MS) this.#endings.delete(id);
    } else {
      const { code } = await appendBatch(this.#redis, id, request);
      this.#log.warn({ runId: id, code }, 'Redis had lost an end, which was put back');
      if (code === 'OK') ending.since = now;
      else this.#endings.delete(id);
    }
  }
}

/** All that the end and the writers before it had brought the record to. */
const stateAtEnd = (run: RunRecord): AppendRequest['changes'] => ({
  ...stateOf(run),
  // Without one the record's own stays: it may have been asked for since.
  ...(run.cancelRequestedAt === null
    ? {}
    : { cancelRequestedAt: run.cancelRequestedAt, cancelReason: run.cancelReason, cancelForce: run.cancelForce }),
  ...(isTerminal(run.status) ? { finishedAt: run.finishedAt } : {}),
});
