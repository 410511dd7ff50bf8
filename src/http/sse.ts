/**
 * Results of one subscription as server-sent events, as graphql-sse's "distinct connections mode" has them:
 * `next` with each result, then `complete`. What readers share is one buffer for all of them.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { formatResult } from '../graphql/errors.ts';
import { Recent } from '../graphql/recent.ts';
import type { SharedTexts } from '../graphql/sharedResults.ts';
import type { TextSink } from '../graphql/textSink.ts';
import { nextTurn, Turn } from './turn.ts';

const NEXT = Buffer.from('event: next\ndata: ');
const END = Buffer.from('\n\n');
const COMPLETE = 'event: complete\ndata:\n\n';
/** A comment: shows that the connection lives, and the first one some browsers want before they believe in it. */
const PING = ':\n\n';

/** Readers at the same place come within a moment; longer, a copy of every text would be held. */
const KEPT_BYTES = 4 * 1024 * 1024;
const known = new Map<SharedTexts, Buffer>();
const recent = new Recent<SharedTexts>(KEPT_BYTES);

/** JSON has no raw line break, so one `data` line holds a result. */
const eventsOf = (shared: SharedTexts): Buffer => {
  const held = known.get(shared);
  if (held !== undefined) return held;
  // The last byte of a text is the brace that closes a WebSocket's message.
  const made = Buffer.concat(shared.texts.flatMap((text) => [NEXT, text.subarray(0, -1), END]));
  known.set(shared, made);
  recent.keep(shared, made.length, () => known.delete(shared));
  return made;
};

/** Of one reader. Its headers must be written before anything is sent. */
export class EventStream implements TextSink {
  readonly #response: ServerResponse;
  readonly #turn = new Turn();
  #wake = (): void => undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  send(shared: SharedTexts): Promise<void> | null {
    return shared.texts.length === 0 ? null : this.#write(eventsOf(shared));
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
    try {
      response.write(PING);
      while (!response.destroyed) {
        const { done, value } = await results.next();
        if (response.destroyed) return;
        if (done) {
          response.end(COMPLETE);
          return;
        }
        await this.#write(Buffer.concat([NEXT, Buffer.from(JSON.stringify(formatResult(value))), END]));
      }
    } finally {
      clearInterval(timer);
      response.off('close', leave);
      giveBack(results);
    }
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
    if (response.writableLength > 0) return written;
    return this.#turn.isOver(bytes.length) ? nextTurn() : null;
  }
}

const giveBack = (results: AsyncIterator<ExecutionResult>): void => {
  results.return?.().catch(() => undefined);
};
