/** Clients that people use. Each follows one run in its own way and records what it receives. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import { print } from 'graphql';
import { type Client, type ClientOptions, createClient, type Sink } from 'graphql-ws';
import { cacheExchange, fetchExchange, subscriptionExchange, createClient as urqlClient } from 'urql';
import WebSocket from 'ws';
import { type FollowDetails, type FollowState, resumable } from '../../../packages/client/src/resumable.ts';
import { FollowLogDocument, FollowLogLinesDocument } from '../../../schema/generated/graphql.ts';
import { possibleTypes } from '../../../schema/generated/possibleTypes.ts';
import type { ClientEvent } from './client.ts';

const endpoint = (url: string): string => `${url}/graphql`;

export const followingClient = (
  url: string,
  onState?: (state: FollowState, details: FollowDetails) => void,
  more: Partial<ClientOptions> = {},
): Client =>
  resumable(
    createClient({
      url: endpoint(url).replace('http', 'ws'),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...more,
    }),
    { maxPauseMs: 500, onState: (state, _, details) => onState?.(state, details) },
  );

/** As in examples/apollo. */
export const apollo = (url: string, socket: Client): ApolloClient =>
  new ApolloClient({
    cache: new InMemoryCache({ possibleTypes }),
    link: ApolloLink.split(
      ({ query }) => {
        const definition = getMainDefinition(query);
        return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
      },
      new GraphQLWsLink(socket),
      new HttpLink({ uri: endpoint(url) }),
    ),
  });

/** As in examples/urql. */
export const urql = (url: string, socket: Client) =>
  urqlClient({
    url: endpoint(url),
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query, variables: variables as Record<string, unknown> }, sink as Sink),
          }),
        }),
      }),
    ],
  });

/** What one client received, in order; nothing is dropped here. */
export interface Follower {
  readonly name: string;
  readonly events: ClientEvent[];
  /** How often its connection was lost. */
  losses: number;
  /** Resolves when the client reports the end; rejects with what it reports instead. */
  readonly ended: Promise<void>;
}

type Follow = (push: (events: readonly unknown[]) => void, lost: () => void) => Promise<void>;

const follower = (name: string, follow: Follow): Follower => {
  const events: ClientEvent[] = [];
  const self: Follower = {
    name,
    events,
    losses: 0,
    ended: follow(
      (more) => events.push(...(more as readonly ClientEvent[])),
      () => {
        self.losses += 1;
      },
    ),
  };
  self.ended.catch(() => undefined);
  return self;
};

const countingClient = (url: string, lost: () => void, more: Partial<ClientOptions> = {}): Client =>
  followingClient(url, (state, { tries }) => (state === 'reconnecting' && tries === 1 ? lost() : undefined), more);

/** Every kind of client, all following the run. */
export const followers = (url: string, runId: string, cache: { apollo?: ApolloClient }): readonly Follower[] => [
  follower('Apollo Client 4', async (push, lost) => {
    const client = apollo(url, countingClient(url, lost));
    cache.apollo = client;
    await new Promise<void>((resolve, reject) => {
      client.subscribe({ query: FollowLogDocument, variables: { runId } }).subscribe({
        next: ({ data, error }) => (error ? reject(error) : push(data?.runLogBatches.events ?? [])),
        error: reject,
        complete: resolve,
      });
    });
  }),
  follower('urql 5', async (push, lost) => {
    const client = urql(url, countingClient(url, lost));
    await new Promise<void>((resolve, reject) => {
      client.subscription(FollowLogDocument, { runId }).subscribe(({ data, error, hasNext }) => {
        if (error) return reject(error);
        push(data?.runLogBatches.events ?? []);
        if (!hasNext) resolve();
      });
    });
  }),
  follower('graphql-ws by batches', (push, lost) =>
    plain(countingClient(url, lost), print(FollowLogDocument), runId, push),
  ),
  follower('graphql-ws by lines', (push, lost) =>
    plain(countingClient(url, lost), print(FollowLogLinesDocument), runId, push),
  ),
  follower('graphql-ws with its own retries', (push, lost) =>
    plain(
      countingClient(url, lost, {
        retryAttempts: 1000,
        shouldRetry: () => true,
        retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
      }),
      print(FollowLogDocument),
      runId,
      push,
    ),
  ),
  follower('fetch (SSE)', (push, lost) => followSse(url, runId, push, lost)),
];

interface Logs {
  readonly runLogBatches?: { readonly events: readonly unknown[] };
  readonly runLogs?: unknown;
}

const plain = (client: Client, query: string, runId: string, push: (events: readonly unknown[]) => void) =>
  new Promise<void>((resolve, reject) => {
    client.subscribe<Logs>(
      { query, variables: { runId } },
      {
        next: ({ data, errors }) => {
          if (errors) return reject(new Error(JSON.stringify(errors)));
          push(data?.runLogBatches?.events ?? (data?.runLogs === undefined ? [] : [data.runLogs]));
        },
        error: reject,
        complete: resolve,
      },
    );
  });

/** A simple client of server-sent events: it asks again with `after` until RunFinished. */
const followSse = async (
  url: string,
  runId: string,
  push: (events: readonly unknown[]) => void,
  lost: () => void,
): Promise<void> => {
  let after: number | null = null;
  for (;;) {
    let open = false;
    try {
      for await (const { event, data } of serverSentEvents(url, print(FollowLogDocument), { runId, after })) {
        if (event !== 'next') continue;
        const answer = JSON.parse(data) as {
          data?: { runLogBatches: { lastSeq: number; events: readonly ClientEvent[] } } | null;
          errors?: unknown;
        };
        if (!answer.data) throw new Error(JSON.stringify(answer.errors));
        const { events, lastSeq } = answer.data.runLogBatches;
        push(events);
        open = true;
        after = lastSeq;
        if (events.at(-1)?.__typename === 'RunFinished') return;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (open) lost();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

/** The events of one answer. @throws TypeError (of fetch) if it is cut off or refused */
export async function* serverSentEvents(
  url: string,
  query: string,
  variables: Record<string, unknown>,
): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  const response = await fetch(endpoint(url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
  });
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string): string =>
        block
          .split('\n')
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart())
          .join('\n');
      yield { event: field('event'), data: field('data') };
    }
  }
}
