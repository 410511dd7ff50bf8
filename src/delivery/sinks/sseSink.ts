/**
 * Results of one subscription as server-sent events, as graphql-sse's "distinct connections mode" has them:
 * `next` with each result, then `complete`. What readers share is one buffer for all of them.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { nextTurn, Turn } from '../../async/turn.ts';
import type { Seq } from '../../domain/events.ts';
import { Recent } from '../recent.ts';
import type { SharedTexts } from '../sharedTexts.ts';
import type { TextSink } from '../textSink.ts';
import type { Holding } from './backlog.ts';

const END = Buffer.from('\n\n');
/** What stands before a result, beside the digits of its id. */
const BEFORE = 'id: \nevent: next\ndata: ';
const MAX_DIGITS = 10;

/**
 * The id after which nothing comes. A browser's EventSource asks again after each end, with the last id; where that is
 * this one, it is told to stay away.
 */
export const NOTHING_FOLLOWS = 'end';

/** The last event; `id` is what EventSource then asks with, null: what it has. */
const completeEvent = (id: Seq | typeof NOTHING_FOLLOWS | null): string =>
  `${id === null ? '' : `id: ${id}\n`}event: complete\ndata:\n\n`;

/** Errors that time, a new token or another process may heal; after any other one, asking again is of no use. */
const HEALING: ReadonlySet<unknown> = new Set([
  'UNAVAILABLE',
  'LIMIT_EXCEEDED',
  'UNAUTHENTICATED',
  'INTERNAL_SERVER_ERROR',
]);

const heals = (errors: ExecutionResult['errors']): boolean =>
  errors?.some(({ extensions }) => HEALING.has(extensions.code)) === true;

/** yoga's events of a single result, which has no position: with an id, or EventSource would ask for it for ever. */
export const endingFor = (events: string): string =>
  /"code":"(?:UNAVAILABLE|LIMIT_EXCEEDED|UNAUTHENTICATED|INTERNAL_SERVER_ERROR)"/.test(events)
    ? events
    : events.replace(/event: complete\ndata:\s*$/, () => completeEvent(NOTHING_FOLLOWS));
/** A comment: shows that the connection lives, and the first one some browsers want before they believe in it. */
const PING = ':\n\n';

/** Readers at the same place come within a moment; longer, a copy of every text would be held. */
const KEPT_BYTES = 4 * 1024 * 1024;
const known = new Map<SharedTexts, Buffer>();
const recent = new Recent<SharedTexts>(KEPT_BYTES);

const withIds = ({ texts, seqs }: SharedTexts): Buffer => {
  const size = texts.reduce((sum, text) => sum + BEFORE.length + MAX_DIGITS + text.length + END.length, 0);
  const into = Buffer.allocUnsafe(size);
  let at = 0;
  let index = 0;
  for (const { first, count } of seqs) {
    for (let seq = first; seq < first + count; seq += 1) {
      const text = texts[index];
      if (text === undefined) throw new TypeError('there are more seqs than texts');
      at += into.write(`id: ${seq}\nevent: next\ndata: `, at, 'latin1');
      // The last byte of a text is the brace that closes a WebSocket's message.
      at += text.copy(into, at, 0, text.length - 1);
      at += END.copy(into, at);
      index += 1;
    }
  }
  return into.subarray(0, at);
};

/** How many readers wait until the kernel takes the text. */
const waiting = new WeakMap<Buffer, number>();

/** JSON has no raw line break, so one `data` line holds a result. */
const eventsOf = (shared: SharedTexts): Buffer => {
  const held = known.get(shared);
  if (held !== undefined) return held;
  const made = withIds(shared);
  known.set(shared, made);
  recent.keep(shared, made.length, () => known.delete(shared));
  return made;
};

/** Of one reader. Its headers must be written before anything is sent. */
export class EventStream implements TextSink {
  readonly #response: ServerResponse;
  readonly #backlog: Holding;
  readonly #format: (result: ExecutionResult) => object;
  readonly #turn = new Turn();
  #wake = (): void => undefined;
  /** Null where nothing that was sent has one: it is no log. */
  #position: Seq | null = null;

  /** @param format makes of a result what clients may see, its errors above all */
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
   * Sends to the end; resolves also where the reader leaves. What does not fit into the kernel's buffers is one result
   * at most, then it waits. In any case the results are given back.
   * @param pingMs between two signs of life to a reader for which nothing waits
   * @throws what the results throw
   */
  async sendAll(results: AsyncIterator<ExecutionResult>, pingMs: number): Promise<void> {
    const response = this.#response;
    // Whoever leaves must free its subscription at once, also where nothing comes that could be sent.
    const leave = (): void => {
      giveBack(results);
      this.#wake();
    };
    response.once('close', leave);
    const timer = setInterval(() => {
      if (response.writableLength === 0) response.write(PING);
    }, pingMs);
    /** Errors of the last result, where it is nothing but errors. */
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
        // A result with errors is no position: whoever comes back gets it again.
        const id = this.#position === null || value.errors !== undefined ? '' : `id: ${this.#position}\n`;
        await this.#write(Buffer.from(`${id}event: next\ndata: ${JSON.stringify(this.#format(value))}\n\n`));
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

  /** Of a text that several readers wait with, each counts a part. */
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
    // Else http hands it over a tick later, and what the kernel takes at once would count as waiting.
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
