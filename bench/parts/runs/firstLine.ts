/** From the call of startRun until a viewer has the first line of the command, as a web page sees it. */
import type { Client } from 'graphql-ws';
import { startRun, wsClient } from '../../../test/support/clients/client.ts';
import { LineLost } from '../../load/load.ts';

const QUERY = 'subscription ($runId: ID!) { runLogBatches(runId: $runId) { events { __typename } } }';

interface Answer {
  readonly runLogBatches: { readonly events: readonly { readonly __typename: string }[] };
}

/** In ms. @throws LineLost if the run ends without a line */
export const firstLineMs = async (url: string): Promise<number> => {
  const client: Client = wsClient(url);
  try {
    const started = performance.now();
    const runId = await startRun(url, { command: ['echo', 'here'] });
    for await (const { data } of client.iterate<Answer>({ query: QUERY, variables: { runId } })) {
      const events = data?.runLogBatches.events ?? [];
      if (events.some(({ __typename }) => __typename === 'LogLine')) return performance.now() - started;
    }
    throw new LineLost('the run has no line');
  } finally {
    await client.dispose();
  }
};
