/** Start a run and follow it, with Apollo Client 4. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { ApolloProvider, useMutation, useSubscription } from '@apollo/client/react';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { resumable } from '../../packages/client/src/resumable.ts';
import { CancelRunDocument, FollowLogDocument, StartRunDocument } from '../../schema/generated/graphql.ts';
import { possibleTypes } from '../../schema/generated/possibleTypes.ts';
import { createLogStore } from '../logStore.ts';
import { type Following, View } from '../view.tsx';

let onState = (_following: Following): void => undefined;
const url = new URL('/graphql', location.href).href.replace('http', 'ws');
const socket = resumable(createClient({ url, retryAttempts: 0 }), {
  onState: (state, _payload, details) => onState({ state, ...details }),
});
const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: '/graphql' }),
  ),
});

const Page = () => {
  const [following, setFollowing] = useState<Following | null>(null);
  onState = setFollowing;
  const [start, started] = useMutation(StartRunDocument);
  const [cancel] = useMutation(CancelRunDocument);
  const runId = started.data?.startRun?.run.id ?? '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: each run has a store of its own
  const log = useMemo(createLogStore, [runId]);
  const followed = useSubscription(FollowLogDocument, {
    variables: { runId },
    skip: runId === '',
    // A log does not belong into the cache. React may skip values of `data`, so onData takes each batch.
    fetchPolicy: 'no-cache',
    ignoreResults: true,
    onData: ({ data: { data } }) => log.append(data?.runLogBatches.events ?? []),
  });
  return (
    <View
      runId={runId}
      log={log}
      following={following?.runId === runId ? following : null}
      error={started.error?.message ?? followed.error?.message ?? null}
      start={(command) => void start({ variables: { input: { command: ['sh', '-c', command] } } })}
      cancel={() => void cancel({ variables: { runId } })}
    />
  );
};

createRoot(document.getElementById('root') ?? document.body).render(
  <ApolloProvider client={client}>
    <Page />
  </ApolloProvider>,
);
