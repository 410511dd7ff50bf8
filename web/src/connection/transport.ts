/** Subscriptions over a WebSocket, or over SSE where something on the way blocks WebSockets. */
import { createClient, type SubscribePayload } from 'graphql-ws';
import { type FollowDetails, type FollowState, resumable } from '../../../packages/client/src/resumable.ts';
import { sseClient } from './sseClient.ts';

export interface TransportOptions {
  /** Of the GraphQL endpoint. */
  readonly url: string;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly onState: (state: FollowState, payload: SubscribePayload, details: FollowDetails) => void;
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
/** A pause in pings longer than this means a dead connection: a laptop that slept, a network that changed. */
const PING_MS = 12_000;
const PONG_MS = 5000;

interface Active {
  readonly payload: SubscribePayload;
  readonly sink: Sink;
  stop: () => void;
  turn: number;
}

export const createTransport = (options: TransportOptions): Transport => {
  const { url, headers, onState, onClose } = options;
  const active = new Set<Active>();
  let kind: 'WebSocket' | 'SSE' = typeof WebSocket === 'undefined' ? 'SSE' : 'WebSocket';
  let hasConnected = false;
  let isChecking = false;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  let openTimer: ReturnType<typeof setTimeout> | undefined;

  const base = createClient({
    url: url.replace(/^http/, 'ws'),
    retryAttempts: 0,
    keepAlive: PING_MS,
    connectionParams: headers,
    on: {
      connected: () => {
        hasConnected = true;
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const { code = 1006 } = (event ?? {}) as { readonly code?: number };
        onClose(code);
        if (code < 4000) void fallBack();
      },
      error: () => void fallBack(),
      ping: (received) => {
        if (!received) pongTimer = setTimeout(() => base.terminate(), PONG_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
    },
  });
  const socket = resumable(base, { onState });

  const start = (one: Active): void => {
    one.turn += 1;
    const mine = one.turn;
    const ifMine =
      <Args extends readonly unknown[]>(tell: (...args: Args) => void) =>
      (...args: Args): void => {
        if (one.turn === mine) tell(...args);
      };
    const over = (): void => void active.delete(one);
    // A browser opens six connections to a service over HTTP/1.1. A page of the viewer has three subscriptions at most.
    const client = kind === 'WebSocket' ? socket : resumable(sseClient({ url, headers }), { onState });
    one.stop = client.subscribe(one.payload, {
      next: ifMine((result) => one.sink.next(result)),
      error: ifMine((error) => {
        over();
        if (kind === 'SSE') onClose((error as { readonly code?: number } | null)?.code ?? 1000);
        one.sink.error(error);
      }),
      complete: ifMine(() => {
        over();
        one.sink.complete();
      }),
    });
  };

  /** Changes to SSE if no WebSocket has opened yet and the service answers over HTTP. */
  const fallBack = async (): Promise<void> => {
    if (hasConnected || kind === 'SSE' || isChecking) return;
    isChecking = true;
    const body = JSON.stringify({ query: '{ __typename }' });
    const answered = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).then(
      ({ status }) => status < 500,
      () => false,
    );
    isChecking = false;
    if (!answered || hasConnected) return;
    kind = 'SSE';
    for (const one of active) {
      const { stop } = one;
      start(one);
      stop();
    }
  };

  return {
    subscribe: (payload, sink) => {
      const one: Active = { payload, sink, stop: () => undefined, turn: 0 };
      active.add(one);
      start(one);
      if (kind === 'WebSocket' && !hasConnected) openTimer ??= setTimeout(() => void fallBack(), OPEN_MS);
      return () => {
        active.delete(one);
        one.turn += 1;
        one.stop();
      };
    },
    kind: () => kind,
    dispose: () => {
      clearTimeout(openTimer);
      void socket.dispose();
    },
  };
};
