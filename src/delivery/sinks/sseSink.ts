/**
 * Results of one subscription as server-sent events, in graphql-sse's "distinct connections mode": a `next` for each
 * result, then `complete`. The events of shared texts are one buffer for all readers.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { nextTurn, Turn } from '../../async/turn.ts';
import type { Seq } from '../../domain/events.ts';
import { resultEvent, type SharedTexts, textEvents } from '../messageLayout.ts';
import { Recent } from '../recent.ts';
import type { TextSink } from '../textSink.ts';
import type { Holding } from './backlog.ts';

/**
 * The id of an end after which nothing comes. A browser's EventSource reconnects after each end, with the last id; with
 * this one it is answered 204, which stops it.
 */
export const NOTHING_FOLLOWS = 'end';

/** The last event. `id` is what EventSource reconnects with; null leaves the id that it has. */
const completeEvent = (id: Seq | typeof NOTHING_FOLLOWS | null): string =>
  `${id === null ? '' : `id: ${id}\n`}event: complete\ndata:\n\n`;

/** Errors that can pass with time, a new token or another process. After any other, a retry is of no use. */
const HEALING: ReadonlySet<unknown> = new Set([
  'UNAVAILABLE',
  'LIMIT_EXCEEDED',
  'UNAUTHENTICATED',
  'INTERNAL_SERVER_ERROR',
]);

const heals = (errors: ExecutionResult['errors']): boolean =>
  errors?.some(({ extensions }) => HEALING.has(extensions.code)) === true;

/** yoga's events of a single result. It has no position and gets the id `end`, or EventSource would repeat it for ever. */
export const endingFor = (events: string): string =>
  /"code":"(?:UNAVAILABLE|LIMIT_EXCEEDED|UNAUTHENTICATED|INTERNAL_SERVER_ERROR)"/.test(events)
    ? events
    : events.replace(/event: complete\ndata:\s*$/, () => completeEvent(NOTHING_FOLLOWS));

/** The events of a query's result in pieces. */
export const resultEvents = (pieces: readonly Buffer[], errors: ExecutionResult['errors']): readonly Buffer[] => [
  Buffer.from('event: next\ndata: '),
  ...pieces,
  Buffer.from(`\n\n${completeEvent(heals(errors) ? null : NOTHING_FOLLOWS)}`),
];

/** A comment: shows that the connection lives. Some browsers report an open connection only after the first bytes. */
const PING = ':\n\n';

/** Bytes of events that are kept for readers at the same position, who come within a moment. */
const KEPT_BYTES = 4 * 1024 * 1024;
const known = new Map<SharedTexts, Buffer>();
const recent = new Recent<SharedTexts>(KEPT_BYTES);

/** Readers for which the kernel has not taken all of the bytes yet. */
const waiting = new WeakMap<Buffer, number>();

const eventsOf = (shared: SharedTexts): Buffer => {
  const held = known.get(shared);
  if (held !== undefined) return held;
  const made = textEvents(shared);
  known.set(shared, made);
  recent.keep(shared, made.length, () => known.delete(shared));
  return made;
};

/** The events of one reader. The response's headers must be written before. */
export class EventStream implements TextSink {
  readonly #response: ServerResponse;
  readonly #backlog: Holding;
  readonly #format: (result: ExecutionResult) => object;
  readonly #turn = new Turn();
  #wake = (): void => undefined;
  /** Null until a result with a position was sent; results of other fields have none. */
  #position: Seq | null = null;

  /** @param format makes the client's form of a result: masks its errors */
  constructor(response: ServerResponse, backlog: Holding, format: (result: ExecutionResult) => object) {
    this.#response = response;
    this.#backlog = backlog;
    this.#format = format;
  }

  send(shared: SharedTexts): Promise<void> | null {
    return shared.texts.length === 0 ? null : this.#write(eventsOf(shared));
  }

  reached(position: Seq): void {
    this.#position = position;
  }

  /**
   * Sends all results and then `complete`; also resolves if the reader leaves. At most one result waits outside the
   * kernel's buffers. Always ends the iterator.
   * @param pingMs time between two comments to a reader for which nothing waits
   * @throws what the results throw
   */
  async sendAll(results: AsyncIterator<ExecutionResult>, pingMs: number): Promise<void> {
    const response = this.#response;
    // Free the subscription at once when the reader leaves, even if no result ever comes.
    const leave = (): void => {
      giveBack(results);
      this.#wake();
    };
    response.once('close', leave);
    const timer = setInterval(() => {
      if (response.writableLength === 0) response.write(PING);
    }, pingMs);
    /** Errors of the last result, if it has no data. */
    let refusal: ExecutionResult['errors'];
    try {
      response.write(PING);
      while (!response.destroyed) {
        const { done, value } = await results.next();
        if (response.destroyed) return;
        if (done) {
          response.end(this.#ending(refusal));
          return;
        }
        refusal = value.errors !== undefined && value.data == null ? value.errors : undefined;
        // A result with errors gets no id: a reader that reconnects gets it again.
        const id = value.errors === undefined ? this.#position : null;
        await this.#write(resultEvent(id, JSON.stringify(this.#format(value))));
      }
    } finally {
      clearInterval(timer);
      response.off('close', leave);
      giveBack(results);
    }
  }

  #ending(refusal: ExecutionResult['errors']): string {
    if (refusal === undefined) return completeEvent(this.#position ?? NOTHING_FOLLOWS);
    return completeEvent(heals(refusal) ? null : NOTHING_FOLLOWS);
  }

  /** Readers that wait with the same bytes share them, so each counts a part. */
  #waits(bytes: Buffer, written: Promise<void>): Promise<void> {
    const readers = (waiting.get(bytes) ?? 0) + 1;
    waiting.set(bytes, readers);
    const release = this.#backlog.note(Math.ceil(bytes.length / readers));
    return written.finally(() => {
      waiting.set(bytes, (waiting.get(bytes) ?? 1) - 1);
      release();
    });
  }

  /** As TextSink.send. */
  #write(bytes: Buffer): Promise<void> | null {
    const response = this.#response;
    if (response.destroyed) return nextTurn();
    const { promise: written, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    // Without this, http writes a tick later, and bytes that the kernel takes at once would count as waiting.
    response.socket?.cork();
    response.write(bytes, () => resolve());
    response.socket?.uncork();
    if (response.writableLength > 0) return this.#waits(bytes, written);
    return this.#turn.isOver(bytes.length) ? nextTurn() : null;
  }
}

const giveBack = (results: AsyncIterator<ExecutionResult>): void => {
  results.return?.().catch(() => undefined);
};
