/** What writes the lines: to a channel, as the rivals have it, or to a run's log. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../src/domain/ids.ts';
import { appendBatch, claimLog } from '../../src/log/append.ts';
import { BatchBuilder } from '../../src/log/codec.ts';
import { LINE_BYTES, splitLines } from '../lines.ts';

export interface Feed {
  /** Writes `count` lines, each with its LF, the first one numbered `first`; resolves when Redis has them. One call at a time. */
  write(text: Buffer, count: number, first: number): Promise<void>;
}

/** One PUBLISH a line. `wrap` makes the message of a line. */
export const channelFeed = (redis: Redis, channel: string, wrap: (line: string, number: number) => string): Feed => ({
  async write(text, _count, first) {
    const pipeline = redis.pipeline();
    for (const [i, line] of splitLines(text).entries()) {
      pipeline.publish(channel, wrap(line, first + i));
    }
    await pipeline.exec();
  },
});

/** What graphql-redis-subscriptions' `publish` would make of it. */
export const asGraphqlEvent = (message: string, seq: number): string =>
  JSON.stringify({
    logLine: { seq, timestamp: new Date().toISOString(), level: 'INFO', stream: 'STDOUT', message },
  });

/** Appends to the run's log as an executor does, one batch a call. */
export class LogFeed implements Feed {
  readonly #redis: Redis;
  readonly #runId: RunId;
  readonly #writer: string;
  #term = 0;
  #nextSeq = 0;

  private constructor(redis: Redis, runId: RunId) {
    this.#redis = redis;
    this.#runId = runId;
    this.#writer = `bench of ${runId}`;
  }

  /** @throws Error where the run has another writer */
  static async open(redis: Redis, runId: RunId): Promise<LogFeed> {
    const feed = new LogFeed(redis, runId);
    const claim = await claimLog(redis, runId, { writer: feed.#writer, attempt: null, statuses: ['PENDING'] });
    if (claim.code !== 'OK') throw new Error(`the log cannot be claimed: ${claim.code}`);
    feed.#term = claim.run.term;
    feed.#nextSeq = claim.run.lastSeq + 1;
    return feed;
  }

  /** Seq of the newest event. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  async write(text: Buffer, count: number): Promise<void> {
    const builder = new BatchBuilder();
    builder.addLines('STDOUT', Date.now(), text, count);
    await this.#append(builder, count * LINE_BYTES);
  }

  /** Ends the run. */
  async finish(): Promise<void> {
    const builder = new BatchBuilder();
    const end = { status: 'COMPLETED', exitCode: 0, failure: null, message: 'Run COMPLETED' } as const;
    const totals = { lines: 0, bytes: 0, dropped: 0, digest: null } as const;
    builder.add({ kind: 'RunFinished', timestamp: Date.now(), ...end, ...totals });
    await this.#append(builder, 0, true);
  }

  async #append(builder: BatchBuilder, messageBytes: number, closes = false): Promise<void> {
    const { count, lines } = builder;
    const { code } = await appendBatch(this.#redis, this.#runId, {
      term: this.#term,
      writer: this.#writer,
      firstSeq: this.#nextSeq,
      count,
      lines,
      messageBytes,
      batch: builder.seal(this.#nextSeq, 1),
      closes,
      changes: {},
    });
    if (code !== 'OK') throw new Error(`an append was answered ${code}`);
    this.#nextSeq += count;
  }
}
