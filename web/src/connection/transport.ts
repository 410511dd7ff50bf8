/** Subscriptions over a WebSocket, or over SSE where something on the way blocks WebSockets. */
import type { SubscribePayload } from 'graphql-ws';
import { createPosition, type Position, type Result } from '../../../packages/client/src/position.ts';
import { type FollowDetails, type FollowState, resumable } from '../../../packages/client/src/resumable.ts';
import { liveSocket } from './liveSocket.ts';
import { sseClient } from './sseClient.ts';
import { onWake } from './wake.ts';

export interface TransportOptions {
  /** Of the GraphQL endpoint. */
  readonly url: string;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly onState: (state: FollowState, payload: SubscribePayload, details: FollowDetails) => void;
  /** Called with the close code of each connection that ended. */
  readonly onClose: (code: number) => void;
}
export interface Sink {
  next(result: unknown): void;
  error(error: unknown): void;
  complete(): void;
}
export interface Transport {
  readonly subscribe: (payload: SubscribePayload, sink: Sink) => () => void;
  readonly kind: () => 'WebSocket' | 'SSE';
  readonly dispose: () => void;
}

/** A WebSocket that takes longer to open is taken for blocked, if the service answers over HTTP. */
const OPEN_MS = 2500;
/** How long the service has to answer over HTTP, ms. */
const ANSWER_MS = 10_000;
/** So many WebSockets in a row must fail to open, after one has worked: a restart of the service looks like a block. */
const BLOCKED = 3;
/** The service has not answered the first message of a WebSocket. */
const NO_ACK = 4504;

interface Active {
  readonly payload: SubscribePayload;
  readonly sink: Sink;
  /** What has arrived: a change to SSE goes on there. */
  readonly position: Position;
  stop: () => void;
  /** Ends the connection of an SSE subscription, which then opens another. */
  renew: () => void;
  turn: number;
}
const nothing = (): void => undefined;

export const createTransport = (options: TransportOptions): Transport => {
  const { url, headers, onState, onClose } = options;
  const active = new Set<Active>();
  let kind: 'WebSocket' | 'SSE' = typeof WebSocket === 'undefined' ? 'SSE' : 'WebSocket';
  let hasOpened = false;
  let isOpen = false;
  let isChecking = false;
  /** WebSockets in a row that failed although the service answered over HTTP. */
  let blocked = 0;
  let openTimer: ReturnType<typeof setTimeout> | undefined;

  const { client: base, probe } = liveSocket({
    url,
    headers,
    onConnecting: () => {
      clearTimeout(openTimer);
      openTimer = setTimeout(() => void checkBlocked().then(() => isOpen || base.terminate()), OPEN_MS);
    },
    onOpened: () => {
      clearTimeout(openTimer);
      [isOpen, hasOpened, blocked] = [true, true, 0];
    },
    onClosed: (code) => {
      clearTimeout(openTimer);
      const failed = !isOpen || code === NO_ACK;
      if (code === NO_ACK) hasOpened = false;
      isOpen = false;
      onClose(code);
      if (failed) void checkBlocked();
    },
  });
  const socket = resumable(base, { onState });

  const clientFor = (one: Active) => {
    if (kind === 'WebSocket') return socket;
    // A browser opens six connections to a service over HTTP/1.1. A page of the viewer has three subscriptions at most.
    const sse = sseClient({ url, headers });
    sse.on('closed', (event) => onClose((event as { readonly code?: number } | null)?.code ?? 1006));
    one.renew = () => sse.terminate();
    return resumable(sse, { onState: (state, _payload, details) => onState(state, one.payload, details) });
  };
  const start = (one: Active): void => {
    one.turn += 1;
    const mine = one.turn;
    const ifMine =
      <Args extends readonly unknown[]>(tell: (...args: Args) => void) =>
      (...args: Args): void => {
        if (one.turn === mine) tell(...args);
      };
    const after = one.position.after();
    // The same object while it can be: it is the name of the subscription in `onState`.
    const payload =
      kind === 'WebSocket' || after === null
        ? one.payload
        : { ...one.payload, variables: { ...one.payload.variables, ...one.position.variables() } };
    one.stop = clientFor(one).subscribe(payload, {
      next: ifMine((result) => {
        one.position.take(result as Result);
        one.sink.next(result);
      }),
      error: ifMine((error) => {
        active.delete(one);
        one.sink.error(error);
      }),
      complete: ifMine(() => {
        active.delete(one);
        one.sink.complete();
      }),
    });
  };

  /** Changes to SSE if WebSockets do not open and the service answers over HTTP. */
  const checkBlocked = async (): Promise<void> => {
    if (kind === 'SSE' || isChecking || active.size === 0) return;
    isChecking = true;
    const body = JSON.stringify({ query: '{ __typename }' });
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answered = await fetch(url, { method: 'POST', headers, body, signal }).then(
      ({ status }) => status < 500,
      () => false,
    );
    isChecking = false;
    if (isOpen) return;
    blocked = answered ? blocked + 1 : 0;
    if (blocked < (hasOpened ? BLOCKED : 1)) return;
    kind = 'SSE';
    for (const one of active) {
      const { stop } = one;
      start(one);
      stop();
    }
  };
  const stopWake = onWake(() => {
    probe();
    for (const { renew } of active) renew();
  });

  return {
    subscribe: (payload, sink) => {
      const position = createPosition(payload.variables ?? {});
      const one: Active = { payload, sink, position, stop: nothing, renew: nothing, turn: 0 };
      active.add(one);
      start(one);
      return () => {
        active.delete(one);
        one.turn += 1;
        one.stop();
      };
    },
    kind: () => kind,
    dispose: () => {
      stopWake();
      clearTimeout(openTimer);
      for (const one of active) one.stop();
      active.clear();
      void socket.dispose();
    },
  };
};
