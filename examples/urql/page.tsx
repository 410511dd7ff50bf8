/** Start a run and follow it, with urql 5. */
import { createClient as createSocket } from 'graphql-ws';
import { useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Client, cacheExchange, fetchExchange, Provider, subscriptionExchange, useMutation } from 'urql';
import { resumable } from '../../packages/client/src/resumable.ts';
import { CancelRunDocument, FollowLogDocument, StartRunDocument } from '../../schema/generated/graphql.ts';
import { createLogStore } from '../logStore.ts';
import { type Following, View } from '../view.tsx';

let onState = (_following: Following): void => undefined;
const url = new URL('/graphql', location.href).href.replace('http', 'ws');
const socket = resumable(createSocket({ url, retryAttempts: 0 }), {
  onState: (state, _payload, details) => onState({ state, ...details }),
});
const client = new Client({
  url: '/graphql',
  preferGetMethod: false,
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

const Page = () => {
  const [following, setFollowing] = useState<Following | null>(null);
  onState = setFollowing;
  const [started, start] = useMutation(StartRunDocument);
  const [, cancel] = useMutation(CancelRunDocument);
  const [error, setError] = useState<string | null>(null);
  const runId = started.data?.startRun?.run.id ?? '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: each run has a store of its own
  const log = useMemo(createLogStore, [runId]);
  useEffect(() => {
    setError(null);
    if (runId === '') return;
    // Not useSubscription, which renders the page for each batch.
    const subscription = client.subscription(FollowLogDocument, { runId }).subscribe(({ data, error: refused }) => {
      if (refused) setError(refused.message);
      log.append(data?.runLogBatches.events ?? []);
    });
    return subscription.unsubscribe;
  }, [runId, log]);
  return (
    <View
      runId={runId}
      log={log}
      following={following?.runId === runId ? following : null}
      error={started.error?.message ?? error}
      start={(command) => void start({ input: { command: ['sh', '-c', command] } })}
      cancel={() => void cancel({ runId })}
    />
  );
};

createRoot(document.getElementById('root') ?? document.body).render(
  <Provider value={client}>
    <Page />
  </Provider>,
);
