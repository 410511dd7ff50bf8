/**
 * Results of one subscription as server-sent events, as graphql-sse's "distinct connections mode" has them:
 * `next` with each result, then `complete`. What readers share is one buffer for all of them.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { formatResult } from '../graphql/errors.ts';
import { SharedResult } from '../graphql/logSubscription.ts';
import { nextTurn, Turn } from './turn.ts';

/** As in outbox.ts: nothing waits while the kernel takes all; from here on it is waited until it has all. */
const HIGH_WATER_BYTES = 64 * 1024;

const NEXT = Buffer.from('event: next\ndata: ');
const END = Buffer.from('\n\n');
const COMPLETE = 'event: complete\ndata:\n\n';
/** A comment: shows that the connection lives, and the first one some browsers want before they believe in it. */
const PING = ':\n\n';

/** As long as the results, which live as long as the entries that they were made of. */
const known = new WeakMap<SharedResult, Buffer>();

/** JSON has no raw line break, so one `data` line holds a result. */
const eventsOf = (result: ExecutionResult | SharedResult): Buffer => {
  if (!(result instanceof SharedResult)) {
    return Buffer.concat([NEXT, Buffer.from(JSON.stringify(formatResult(result))), END]);
  }
  const held = known.get(result);
  if (held !== undefined) return held;
  // The last byte of a text is the brace that closes a WebSocket's message.
  const made = Buffer.concat(result.texts.flatMap((text) => [NEXT, text.subarray(0, -1), END]));
  known.set(result, made);
  return made;
};

export interface EventStream {
  /** Its headers are written. */
  readonly response: ServerResponse;
  readonly results: AsyncIterator<ExecutionResult>;
  /** Between two signs of life to a reader for which nothing waits. */
  readonly pingMs: number;
}

/**
 * Sends to the end, after the headers; resolves also where the reader leaves. One result is asked for ahead of
 * what the reader takes, at most. In any case the results are given back.
 * @throws what the results throw
 */
export const sendEvents = async ({ response, results, pingMs }: EventStream): Promise<void> => {
  let wake = (): void => undefined;
  // Whoever leaves must free its subscription at once, also where nothing comes that could be sent.
  const leave = (): void => {
    giveBack(results);
    wake();
  };
  response.once('close', leave);
  const timer = setInterval(() => {
    if (response.writableLength === 0) response.write(PING);
  }, pingMs);
  const turn = new Turn();
  try {
    response.write(PING);
    while (!response.destroyed) {
      const { done, value } = await results.next();
      if (response.destroyed) return;
      if (done) {
        response.end(COMPLETE);
        return;
      }
      const bytes = eventsOf(value);
      const { promise: written, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      // Else http hands it over a tick later, and what the kernel takes at once would count as waiting.
      response.socket?.cork();
      response.write(bytes, () => resolve());
      response.socket?.uncork();
      if (response.writableLength >= HIGH_WATER_BYTES && !response.destroyed) await written;
      if (turn.isOver(bytes.length)) await nextTurn();
    }
  } finally {
    clearInterval(timer);
    response.off('close', leave);
    giveBack(results);
  }
};

const giveBack = (results: AsyncIterator<ExecutionResult>): void => {
  results.return?.().catch(() => undefined);
};
