/** One subscription, over one connection after another. */
import type { Client, SubscribePayload } from 'graphql-ws';
import { createPosition, type Result } from './position.ts';
import { type Loss, pauseMs, type Reconnection, type Waiter } from './reconnection.ts';

export type FollowState = 'connecting' | 'live' | 'reconnecting' | 'ended';

/** Facts about a subscription, reported with its state. */
export interface FollowDetails {
  /** The variable `runId` of the subscription; null if it has none. */
  readonly runId: string | null;
  /** Failed tries in a row, including the loss of the connection; 0 while connected. */
  readonly tries: number;
  /** Close code of the lost connection; null if none was lost or the server answered with an error. */
  readonly code: number | null;
  /** Why it is reconnecting or why it ended with an error, for people. */
  readonly reason: string | null;
  /** While reconnecting: the pause before the next try, in ms, if it is known. */
  readonly retryInMs: number | null;
}
export interface Sink {
  next(result: Result): void;
  error(error: unknown): void;
  complete(): void;
}
export interface Following {
  readonly leave: () => void;
  /** Makes the server stop sending until `resume`. Returns false, and does nothing, if resuming would lose events. */
  readonly pause: () => boolean;
  readonly resume: () => void;
}
export interface FollowContext {
  readonly client: Client;
  readonly reconnection: Reconnection;
  readonly maxPauseMs: number;
  readonly onState: (state: FollowState, payload: SubscribePayload, details: FollowDetails) => void;
  readonly onEnd: (following: Following) => void;
}

interface ServerError {
  readonly message?: string;
  readonly extensions?: { readonly code?: string; readonly retryAfterSeconds?: number };
}
const isServerErrors = (error: unknown): error is readonly ServerError[] => Array.isArray(error);
const isTemporary = ({ extensions }: ServerError): boolean =>
  extensions?.code === 'UNAVAILABLE' || typeof extensions?.retryAfterSeconds === 'number';
const messageOf = (error: unknown): string => {
  if (isServerErrors(error)) return error.map(({ message }) => message).join(' ');
  const { message, reason, code } = error as { message?: unknown; reason?: unknown; code?: unknown };
  return String(message || reason || `The connection was closed with ${code}.`);
};

/** Starts the subscription. After `leave` the sink receives `complete` and nothing else. */
export const follow = (context: FollowContext, payload: SubscribePayload, sink: Sink): Following => {
  const { client, reconnection, maxPauseMs } = context;
  // All tries share one object: graphql-ws sends it again, as it is then, when it reconnects by itself.
  const variables: Record<string, unknown> = { ...payload.variables };
  const runId = typeof variables.runId === 'string' ? variables.runId : null;
  const position = createPosition(variables, /\$positions\b/.test(payload.query ?? ''));
  /** Increases with each try; results of earlier tries are ignored. */
  let turn = 0;
  let stopTry: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let paused = false;
  let over = false;
  /** Consecutive answers that were UNAVAILABLE, or `complete` without RunFinished. */
  let refusals = 0;
  let reported = '';

  const report = (state: FollowState, { tries, code, reason, retryInMs }: Partial<Loss> = {}): void => {
    const now = `${state} ${tries ?? 0}`;
    if (now === reported) return;
    reported = now;
    const details = { runId, tries: tries ?? 0, code: code ?? null, reason: reason ?? null };
    context.onState(state, payload, { ...details, retryInMs: retryInMs ?? null });
  };
  const stop = (): void => {
    turn += 1;
    clearTimeout(timer);
    // After RunFinished the server's `complete` is on its way; if both meet, graphql-ws 6.4 miscounts the socket's users.
    if (!position.isFinished()) stopTry?.();
    stopTry = null;
  };
  const end = (...errors: readonly [] | readonly [error: unknown]): void => {
    if (over) return;
    over = true;
    stop();
    reconnection.leave(waiter);
    context.onEnd(following);
    if (errors.length === 0) {
      report('ended');
      sink.complete();
    } else {
      report('ended', { reason: messageOf(errors[0]), code: (errors[0] as { code?: number } | null)?.code ?? null });
      sink.error(errors[0]);
    }
  };
  /** The connection works but the server could not answer: only this subscription asks again. */
  const askAgain = (reason: string, atLeastMs = 0): void => {
    refusals += 1;
    stopTry = null;
    const retryInMs = atLeastMs + pauseMs(refusals, maxPauseMs);
    report('reconnecting', { tries: refusals, reason, retryInMs });
    timer = setTimeout(() => reconnection.begin(waiter), retryInMs);
  };

  const onNext = (result: Result): void => {
    reconnection.works();
    report('live');
    const news = position.take(result);
    if (position.hasMoved()) refusals = 0;
    Object.assign(variables, position.variables());
    if (news === null) return;
    try {
      sink.next(news);
    } catch (error) {
      // graphql-ws would close the connection, and all other subscriptions with it.
      end(error);
    }
  };
  const onServerErrors = (errors: readonly ServerError[]): void => {
    if (errors.every(isTemporary)) {
      const seconds = Math.max(0, ...errors.map(({ extensions }) => extensions?.retryAfterSeconds ?? 0));
      askAgain(messageOf(errors), seconds * 1000);
    } else {
      end(errors);
    }
  };
  const onError = (error: unknown): void => {
    stopTry = null;
    if (position.isFinished()) end();
    else if (isServerErrors(error)) onServerErrors(error);
    else if (reconnection.isFinal(error)) end(error);
    else reconnection.retry(waiter);
  };
  const onComplete = (): void => {
    stopTry = null;
    // A clean close looks the same. If nothing follows, the server completes the next try at once.
    if (position.hasMoved() && !position.isFinished()) askAgain('The server completed before the end of the run.');
    else end();
  };

  const waiter: Waiter = {
    start: () => {
      if (over || paused) return;
      turn += 1;
      const mine = turn;
      const ifMine =
        <Args extends readonly unknown[]>(listener: (...args: Args) => void) =>
        (...args: Args): void => {
          if (mine === turn && !over) listener(...args);
        };
      position.asked();
      if (mine > 1) Object.assign(variables, position.variables());
      stopTry = client.subscribe(
        { ...payload, variables },
        { next: ifMine(onNext), error: ifMine(onError), complete: ifMine(onComplete) },
      );
      if (reconnection.isConnected()) report('live');
    },
    connected: () => {
      if (stopTry !== null) report('live');
    },
    lost: (loss) => {
      if (!paused && !position.isFinished()) report('reconnecting', loss);
    },
  };
  const following: Following = {
    leave: () => end(),
    pause: () => {
      if (over || position.isFinished() || !position.canResume()) return false;
      paused = true;
      stop();
      return true;
    },
    resume: () => {
      paused = false;
      if (!over) reconnection.begin(waiter);
    },
  };
  report('connecting');
  reconnection.begin(waiter);
  return following;
};
