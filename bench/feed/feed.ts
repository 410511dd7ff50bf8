/** What writes the lines: to a channel, as the rivals have it, or to a run's log. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { LogWriter } from '../../executor/write/logWriter.ts';
import type { EventDraft } from '../../src/domain/events.ts';
import type { RunId } from '../../src/domain/ids.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { claimLog } from '../../src/wire/append.ts';
import { splitLines } from '../lines.ts';

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

/** As much as an executor may hold, so that a batch of any size is taken at once. */
const BUFFER_BYTES = LIMITS.executorBufferBytes;

/** Writes to the run's log by the executor's own writer, one batch a call: compaction of small ones included. */
export class LogFeed implements Feed {
  readonly #writer: LogWriter;
  /** Resolves when the writer takes more; null: it does. */
  #relief: PromiseWithResolvers<void> | null = null;

  private constructor(redis: Redis, run: RunRecord) {
    const onPressure = (full: boolean): void => {
      this.#relief?.resolve();
      this.#relief = full ? Promise.withResolvers() : null;
    };
    this.#writer = new LogWriter(redis, { run, stored: [] }, BUFFER_BYTES, { onReply: () => undefined, onPressure });
  }

  /** @throws Error where the run has another writer */
  static async open(redis: Redis, runId: RunId): Promise<LogFeed> {
    const writer = `bench of ${runId}`;
    const claim = await claimLog(redis, runId, { writer, attempt: null, statuses: ['PENDING'] });
    if (claim.code !== 'OK') throw new Error(`the log cannot be claimed: ${claim.code}`);
    return new LogFeed(redis, claim.run);
  }

  /** Seq of the newest event. */
  get lastSeq(): number {
    return this.#writer.storedSeq;
  }

  async write(text: Buffer, count: number): Promise<void> {
    this.#writer.lines('STDOUT', Date.now(), text, count);
    await this.#writer.flush();
  }

  /** The same of events that are no plain lines. */
  async writeEvents(drafts: readonly EventDraft[]): Promise<void> {
    for (const draft of drafts) this.#writer.event(draft);
    await this.#writer.flush();
  }

  /**
   * Writes as a flooding command's pipe gives it: piece by piece, some in each turn of the event loop, whatever batches
   * the writer makes of it.
   */
  async pour(
    pieces: readonly { readonly text: Buffer; readonly count: number }[],
    piecesPerTurn: number,
  ): Promise<void> {
    for (const [i, { text, count }] of pieces.entries()) {
      this.#writer.lines('STDOUT', Date.now(), text, count);
      if ((i + 1) % piecesPerTurn === 0) await turn();
      await this.#relief?.promise;
    }
    await this.#writer.flush();
  }

  /** Ends the run. */
  async finish(): Promise<void> {
    const end = { status: 'COMPLETED', exitCode: 0, failure: null, message: 'Run COMPLETED' } as const;
    const { digest, totals } = this.#writer;
    const { code } = await this.#writer.append(
      [{ kind: 'RunFinished', timestamp: Date.now(), ...end, ...totals, digest }],
      { closes: true, knownCancel: null, changes: { status: 'COMPLETED' } },
      this.#writer.lost,
    );
    if (code !== 'OK') throw new Error(`the end was answered ${code}`);
  }
}
