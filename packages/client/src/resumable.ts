/**
 * Makes a graphql-ws client follow runs without losing or repeating an event, however often it is cut off. Stock
 * clients send their first `after` again when they reconnect, give up after five tries, and take any close for the
 * end. Here a subscription goes on after the last seq, drops what it had, comes back with all others of its socket, and
 * has ended after RunFinished (where a filter hides that: once the server, asked again, completes with nothing new).
 *
 * A subscription that resumes has a variable `$after` and selects `__typename seq` (runLogs) or
 * `lastSeq events { __typename seq }` (runLogBatches). Other subscriptions start anew. Queries and mutations are sent
 * once: one whose connection is lost under way ends with an error.
 *
 * What is final is an error of the server's (but UNAVAILABLE, and those with `retryAfterSeconds`), a close code that
 * would come again (4400, 4401, 4406, 4409, 4429, 1002, 1003, 1007 to 1010, 4004), and the third refusal in a row: close
 * code 4403, or, before the first connection, an HTTP status 4xx in place of the handshake, where the WebSocket tells it
 * (the package ws does, browsers don't). All else is tried again, for as long as it takes; `onState` says how often it was
 * tried, and why it failed. Each try asks `connectionParams`, where that is a function, so an expired token (4403) is
 * replaced on the way.
 */
import type { Client, SubscribePayload } from 'graphql-ws';
import { type FollowDetails, type Following, type FollowState, follow, type Sink } from './following.ts';
import { iterate } from './iterate.ts';
import { operationType } from './operationType.ts';
import { createReconnection } from './reconnection.ts';
import { sendOnce } from './sendOnce.ts';

export type { FollowDetails, FollowState } from './following.ts';

export interface ResumableOptions {
  /**
   * Of each subscription: `connecting`, `live`, `reconnecting` (again with each try that fails), `ended` (complete,
   * refused or stopped). `payload` is what was subscribed to, `details` its run, and tries, close code and reason.
   */
  readonly onState?: (state: FollowState, payload: SubscribePayload, details: FollowDetails) => void;
  /** Bound of the random pause before a try, ms; the first is below 500, and it doubles. Default 10,000. */
  readonly maxPauseMs?: number;
}

/** @param client with `retryAttempts: 0`, lazy or not; its own retries do no harm, but come on top */
export const resumable = (client: Client, { onState, maxPauseMs = 10_000 }: ResumableOptions = {}): Client => {
  const reconnection = createReconnection(client, maxPauseMs);
  const open = new Set<Following>();
  const context = {
    client,
    reconnection,
    maxPauseMs,
    onState: onState ?? (() => undefined),
    onEnd: (following: Following) => void open.delete(following),
  };
  const begin = (payload: SubscribePayload, sink: Sink): Following => {
    if (operationType(payload) !== 'subscription') {
      return { leave: sendOnce(client, payload, sink), pause: () => false, resume: () => undefined };
    }
    const following = follow(context, payload, sink);
    open.add(following);
    return following;
  };
  const dispose = async (): Promise<void> => {
    for (const following of open) following.leave();
    reconnection.dispose();
    // It rejects where a connection is being made that fails: nobody needs that one any more.
    await Promise.resolve(client.dispose()).catch(() => undefined);
  };
  const made = {
    ...client,
    subscribe: (payload: SubscribePayload, sink: Sink) => begin(payload, sink).leave,
    iterate: (payload: SubscribePayload) => iterate((sink) => begin(payload, sink)),
    dispose,
  };
  // The types of results are the caller's to say.
  return made as unknown as Client;
};
