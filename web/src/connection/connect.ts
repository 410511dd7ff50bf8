/** The urql client of the viewer, and what its connection is doing. */
import type { SubscribePayload } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';
import type { FollowState } from '../../../packages/client/src/resumable.ts';
import { createStore, type Store } from '../look/watchable.ts';
import type { Tokens } from './pageToken.ts';
import { EXPIRED, refusalOf, UNAUTHENTICATED } from './refusal.ts';
import { createTransport } from './transport.ts';

export interface ConnectionState {
  readonly state: FollowState | 'idle';
  readonly tries: number;
  readonly reason: string | null;
  /** When the next try begins, in ms since 1970. */
  readonly retryAt: number | null;
  readonly over: 'WebSocket' | 'SSE';
}
export interface Connection {
  /** Of the GraphQL endpoint. Addresses of downloads are relative to it. */
  readonly url: string;
  readonly client: Client;
  readonly state: Store<ConnectionState>;
  /** With the token, for downloads. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
  /** Whether requests carry a token: then a plain link is refused. */
  readonly hasToken: () => Promise<boolean>;
  readonly dispose: () => void;
}

/** The worst state of all subscriptions is the one that is shown. */
const WORST = ['reconnecting', 'connecting', 'live', 'ended'] as const;

export const connect = (url: string, tokens: Tokens): Connection => {
  const states = new Map<SubscribePayload, ConnectionState>();
  const idle: ConnectionState = { state: 'idle', tries: 0, reason: null, retryAt: null, over: 'WebSocket' };
  const state = createStore<ConnectionState>(idle);
  /** Of the newest connection for subscriptions. */
  let tokenSent: string | null = null;
  const headersWith = (token: string | null): Record<string, string> =>
    token === null ? {} : { authorization: `Bearer ${token}` };
  const refused = (code: number, token: string | null): void => {
    if (code === UNAUTHENTICATED) tokens.refused(token);
    if (code === EXPIRED) tokens.expired(token);
  };
  const tell = (): void => {
    const all = [...states.values()];
    state.set(WORST.flatMap((worst) => all.find((one) => one.state === worst) ?? [])[0] ?? idle);
  };
  const transport = createTransport({
    url,
    headers: async () => {
      tokenSent = await tokens.get();
      return headersWith(tokenSent);
    },
    onState: (now, payload, { tries, reason, retryInMs }) => {
      const retryAt = retryInMs === null ? null : Date.now() + retryInMs;
      states.set(payload, { state: now, tries, reason, retryAt, over: transport.kind() });
      tell();
    },
    onClose: (code) => refused(code, tokenSent),
  });
  const fetchWithToken = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const given = Object.fromEntries(new Headers(init.headers));
    const send = (token: string | null): Promise<Response> =>
      fetch(input, { ...init, headers: { ...given, ...headersWith(token) } });
    const token = await tokens.get();
    const response = await send(token);
    if (response.status !== 401) return response;
    refused(await refusalOf(response), token);
    // A refused request has had no effect: it can be sent again with the token that takes the place of an expired one.
    const next = await tokens.get();
    return next === token ? response : await send(next);
  };
  const client = new Client({
    url,
    fetch: fetchWithToken,
    preferGetMethod: false,
    // No cache: everything that is shown is live, and a log does not belong into a cache.
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => {
            const payload = { query, variables };
            const stop = transport.subscribe(payload, {
              next: (result) => sink.next(result as never),
              error: (error) => sink.error(error),
              complete: () => sink.complete(),
            });
            return {
              unsubscribe: () => {
                states.delete(payload);
                stop();
                tell();
              },
            };
          },
        }),
      }),
      fetchExchange,
    ],
  });
  return {
    url,
    client,
    state,
    fetch: fetchWithToken,
    hasToken: async () => (await tokens.get()) !== null,
    dispose: transport.dispose,
  };
};
