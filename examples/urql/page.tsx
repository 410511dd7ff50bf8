/** Start a run and follow it, with urql 5. */
import { createClient as createSocket } from 'graphql-ws';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  Client,
  cacheExchange,
  fetchExchange,
  Provider,
  subscriptionExchange,
  useMutation,
  useSubscription,
} from 'urql';
import { type FollowState, resumable } from '../../client/resumable.ts';
import { CancelRunDocument, FollowLogDocument, StartRunDocument } from '../../schema/generated/graphql.ts';
import { type LogEvent, View } from '../view.tsx';

let onState = (_state: FollowState): void => undefined;
const url = new URL('/graphql', location.href).href.replace('http', 'ws');
const socket = resumable(createSocket({ url, retryAttempts: 0 }), { onState: (state) => onState(state) });
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

interface Followed {
  readonly runId: string;
  readonly events: readonly LogEvent[];
}

const Page = () => {
  const [state, setState] = useState<FollowState | null>(null);
  onState = setState;
  const [started, start] = useMutation(StartRunDocument);
  const [, cancel] = useMutation(CancelRunDocument);
  const runId = started.data?.startRun?.run.id ?? '';
  const [log] = useSubscription(
    { query: FollowLogDocument, variables: { runId }, pause: runId === '' },
    (had: Followed | undefined, { runLogBatches }) => ({
      runId,
      events: [...(had?.runId === runId ? had.events : []), ...runLogBatches.events],
    }),
  );
  return (
    <View
      events={log.data?.runId === runId ? log.data.events : []}
      state={state}
      error={started.error?.message ?? log.error?.message ?? null}
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
