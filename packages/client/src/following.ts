/** One subscription over as many connections as it takes. */
import type { Client, SubscribePayload } from 'graphql-ws';
import { createPosition, type Result } from './position.ts';
import { type Loss, pauseMs, type Reconnection, type Waiter } from './reconnection.ts';

export type FollowState = 'connecting' | 'live' | 'reconnecting' | 'ended';

/** What is known beside the state. */
export interface FollowDetails {
  /** `runId` of the subscription's variables; null where it has no such variable. */
  readonly runId: string | null;
  /** Failed tries in a row, the loss itself included; 0 while all is well. */
  readonly tries: number;
  /** Close code of the connection that was lost; null where none was, or where the server answered with an error. */
  readonly code: number | null;
  /** For a person: why it is reconnecting, or why it ended with an error. */
  readonly reason: string | null;
}
export interface Sink {
  next(result: Result): void;
  error(error: unknown): void;
  complete(): void;
}
export interface Following {
  readonly leave: () => void;
  /** Stops the server's sending until `resume`. False where it could not go on without a loss. */
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
const healsByItself = ({ extensions }: ServerError): boolean =>
  extensions?.code === 'UNAVAILABLE' || typeof extensions?.retryAfterSeconds === 'number';
const messageOf = (error: unknown): string => {
  if (isServerErrors(error)) return error.map(({ message }) => message).join(' ');
  const { message, reason, code } = error as { message?: unknown; reason?: unknown; code?: unknown };
  return String(message || reason || `The connection was closed with ${code}.`);
};

/** Begins the subscription. After `leave` the sink gets `complete` and nothing more. */
export const follow = (context: FollowContext, payload: SubscribePayload, sink: Sink): Following => {
  const { client, reconnection, maxPauseMs } = context;
  // One object for all tries: graphql-ws' own silent reconnects send it again as it is then.
  const variables: Record<string, unknown> = { ...payload.variables };
  const runId = typeof variables.runId === 'string' ? variables.runId : null;
  const position = createPosition(variables.after);
  /** Goes up with each try, so that what a former one still says is not heard. */
  let turn = 0;
  let stopTry: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let paused = false;
  let over = false;
  /** Answers in a row that were UNAVAILABLE, or complete without an end. */
  let refusals = 0;
  let told = '';

  const tell = (state: FollowState, { tries, code, reason }: Partial<Loss> = {}): void => {
    const now = `${state} ${tries ?? 0}`;
    if (now === told) return;
    told = now;
    context.onState(state, payload, { runId, tries: tries ?? 0, code: code ?? null, reason: reason ?? null });
  };
  const stop = (): void => {
    turn += 1;
    clearTimeout(timer);
    // After RunFinished `complete` is under way; graphql-ws 6.4 counts a socket's users wrong if both meet.
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
      tell('ended');
      sink.complete();
    } else {
      tell('ended', { reason: messageOf(errors[0]), code: (errors[0] as { code?: number } | null)?.code ?? null });
      sink.error(errors[0]);
    }
  };
  /** The connection is there, but the server could not answer: this subscription alone asks again. */
  const askAgain = (reason: string, atLeastMs = 0): void => {
    refusals += 1;
    stopTry = null;
    tell('reconnecting', { tries: refusals, reason });
    timer = setTimeout(() => reconnection.begin(waiter), atLeastMs + pauseMs(refusals, maxPauseMs));
  };

  const onNext = (result: Result): void => {
    reconnection.works();
    tell('live');
    const news = position.take(result);
    if (position.hasMoved()) refusals = 0;
    const after = position.after();
    if (after !== null) variables.after = after;
    if (news === null) return;
    try {
      sink.next(news);
    } catch (error) {
      // graphql-ws would close the connection, and with it all other subscriptions.
      end(error);
    }
  };
  const onServerErrors = (errors: readonly ServerError[]): void => {
    if (errors.every(healsByItself)) {
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
    // A close in good order looks like this too. Where there is nothing more, the server completes at once.
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
      stopTry = client.subscribe(
        { ...payload, variables },
        { next: ifMine(onNext), error: ifMine(onError), complete: ifMine(onComplete) },
      );
      if (reconnection.isConnected()) tell('live');
    },
    connected: () => {
      if (stopTry !== null) tell('live');
    },
    lost: (loss) => {
      if (!paused && !position.isFinished()) tell('reconnecting', loss);
    },
  };
  const following: Following = {
    leave: () => end(),
    pause: () => {
      if (over || position.isFinished() || position.after() === null) return false;
      paused = true;
      stop();
      return true;
    },
    resume: () => {
      paused = false;
      if (!over) reconnection.begin(waiter);
    },
  };
  tell('connecting');
  reconnection.begin(waiter);
  return following;
};
