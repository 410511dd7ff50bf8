/**
 * Makes a graphql-ws client follow runs without losing or repeating an event, however often its connection breaks.
 * A stock client repeats its first `after` when it reconnects, gives up after five tries, and takes any close for the
 * end. A subscription of this client continues after the last seq it received and drops repeats. It reconnects together
 * with all other subscriptions of its socket. It ends after RunFinished. Where a filter hides RunFinished, it ends when
 * the server, asked again, completes without a new event.
 *
 * Requirements: a subscription that shall resume has a variable `$after` and selects `__typename seq` (runLogs) or
 * `lastSeq events { __typename seq }` (runLogBatches). A subscription to `logs` has the variables `$positions` and `$since`
 * and selects `change run { id } batch { lastSeq events { __typename seq } }`: it continues in each run, and runs that
 * started while it was away are followed from their beginning. Other subscriptions start again from the beginning. Queries and
 * mutations are sent once; if the connection is lost before the answer, they end with an error.
 *
 * These end a subscription with an error:
 * - an error from the server, except UNAVAILABLE and errors with `retryAfterSeconds`;
 * - a close code that a new try would meet again: 4400, 4406, 4409, 1002, 1003, 1007 to 1010, 4004; also 4401 (the token
 *   is not valid) if no token has been accepted yet, and 4429 unless its reason ends with "retry after <n> s": then the
 *   next try comes after that time;
 * - the third refusal in a row. A refusal is close code 4401 or 4403 (the token has expired) before the server has
 *   accepted the token or, before the first connection, an HTTP status 4xx in place of the handshake. (The package `ws`
 *   reports that status; browsers do not.)
 *
 * Everything else is tried again without a limit of time; `onState` reports the number of tries and the reason. Each try
 * calls `connectionParams` if it is a function, so a token that has expired (4403) or was revoked (4401) can be replaced.
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
   * Called when the state of a subscription changes: `connecting`, `live`, `reconnecting` (again after each failed
   * try), `ended` (complete, refused or stopped). `payload` is the subscription's request. `details` has its run, the
   * number of tries, the close code and the reason.
   */
  readonly onState?: (state: FollowState, payload: SubscribePayload, details: FollowDetails) => void;
  /** Upper bound of the random pause before a try, in ms. The first pause is below 500 ms; the bound doubles. Default 10,000. */
  readonly maxPauseMs?: number;
}

/**
 * Wraps a graphql-ws client; the result has the same interface.
 * @param client make it with `retryAttempts: 0`; its own retries are harmless, but add to those made here
 */
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
    // It rejects if a connection that is being opened fails. That connection is no longer needed.
    await Promise.resolve(client.dispose()).catch(() => undefined);
  };
  const made = {
    ...client,
    subscribe: (payload: SubscribePayload, sink: Sink) => begin(payload, sink).leave,
    iterate: (payload: SubscribePayload) => iterate((sink) => begin(payload, sink)),
    dispose,
  };
  // The caller chooses the types of the results, as with graphql-ws itself.
  return made as unknown as Client;
};
