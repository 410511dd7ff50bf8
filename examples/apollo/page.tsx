/** Start a run and follow it, with Apollo Client 4. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { ApolloProvider, useMutation, useSubscription } from '@apollo/client/react';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type FollowState, resumable } from '../../client/resumable.ts';
import { CancelRunDocument, FollowLogDocument, StartRunDocument } from '../../schema/generated/graphql.ts';
import { possibleTypes } from '../../schema/generated/possibleTypes.ts';
import { type LogEvent, View } from '../view.tsx';

let onState = (_state: FollowState): void => undefined;
const url = new URL('/graphql', location.href).href.replace('http', 'ws');
const socket = resumable(createClient({ url, retryAttempts: 0 }), { onState: (state) => onState(state) });
const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: '/graphql' }),
  ),
});

const Page = () => {
  const [events, setEvents] = useState<readonly LogEvent[]>([]);
  const [state, setState] = useState<FollowState | null>(null);
  onState = setState;
  const [start, started] = useMutation(StartRunDocument);
  const [cancel] = useMutation(CancelRunDocument);
  const runId = started.data?.startRun?.run.id ?? '';
  const log = useSubscription(FollowLogDocument, {
    variables: { runId },
    skip: runId === '',
    // A log is no object of the cache; and React may skip `data`, so each batch is taken from onData.
    fetchPolicy: 'no-cache',
    ignoreResults: true,
    onData: ({ data: { data } }) => setEvents((had) => [...had, ...(data?.runLogBatches.events ?? [])]),
  });
  return (
    <View
      events={events}
      state={state}
      error={started.error?.message ?? log.error?.message ?? null}
      start={(command) => {
        setEvents([]);
        void start({ variables: { input: { command: ['sh', '-c', command] } } });
      }}
      cancel={() => void cancel({ variables: { runId } })}
    />
  );
};

createRoot(document.getElementById('root') ?? document.body).render(
  <ApolloProvider client={client}>
    <Page />
  </ApolloProvider>,
);
