/** Writes lines: to a channel, as the rivals expect them, or to the log of a run. */
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
  /** Writes `count` lines, each with its LF; `first` is the number of the first one. Resolves when Redis has them. One call at a time. */
  write(text: Buffer, count: number, first: number): Promise<void>;
}

/** One PUBLISH per line. `wrap` makes the message. */
export const channelFeed = (redis: Redis, channel: string, wrap: (line: string, number: number) => string): Feed => ({
  async write(text, _count, first) {
    const pipeline = redis.pipeline();
    for (const [i, line] of splitLines(text).entries()) {
      pipeline.publish(channel, wrap(line, first + i));
    }
    await pipeline.exec();
  },
});

/** As `publish` of graphql-redis-subscriptions formats it. */
export const asGraphqlEvent = (message: string, seq: number): string =>
  JSON.stringify({
    logLine: { seq, timestamp: new Date().toISOString(), level: 'INFO', stream: 'STDOUT', message },
  });

/** As much as an executor may hold, so that a batch of any size fits. */
const BUFFER_BYTES = LIMITS.executorBufferBytes;

/** Writes to the log of a run with the executor's own log writer, one batch per call; small batches are compacted. */
export class LogFeed implements Feed {
  readonly #writer: LogWriter;
  /** Resolves when the writer accepts more; null: it does now. */
  #relief: PromiseWithResolvers<void> | null = null;

  private constructor(redis: Redis, run: RunRecord) {
    const onPressure = (full: boolean): void => {
      this.#relief?.resolve();
      this.#relief = full ? Promise.withResolvers() : null;
    };
    this.#writer = new LogWriter(redis, { run, stored: [] }, BUFFER_BYTES, { onReply: () => undefined, onPressure });
  }

  /** @throws Error if the run has another writer */
  static async open(redis: Redis, runId: RunId): Promise<LogFeed> {
    const writer = `bench of ${runId}`;
    const claim = await claimLog(redis, runId, { writer, attempt: null, statuses: ['PENDING'] });
    if (claim.code !== 'OK') throw new Error(`could not claim the log: ${claim.code}`);
    return new LogFeed(redis, claim.run);
  }

  /** seq of the newest event. */
  get lastSeq(): number {
    return this.#writer.storedSeq;
  }

  async write(text: Buffer, count: number): Promise<void> {
    this.#writer.lines('STDOUT', Date.now(), text, count);
    await this.#writer.flush();
  }

  /** Writes events other than plain lines. Resolves when Redis has them. */
  async writeEvents(drafts: readonly EventDraft[]): Promise<void> {
    for (const draft of drafts) this.#writer.event(draft);
    await this.#writer.flush();
  }

  /**
   * Writes as the pipe of a flooding command does: piece by piece, some in each turn of the event loop. The writer makes
   * batches of them.
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
    if (code !== 'OK') throw new Error(`could not store the end of the run: ${code}`);
  }
}
