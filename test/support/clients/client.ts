/** Clients as users write them: fetch for queries and mutations, graphql-ws for subscriptions. */
import { createHash } from 'node:crypto';
import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

export interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/** POSTs an operation. */
export const request = async (url: string, query: string, variables: Record<string, unknown> = {}): Promise<Answer> => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
};

/** Starts a run and returns its id. @throws Error with the reason if it was refused */
export const startRun = async (url: string, input: Record<string, unknown>): Promise<string> => {
  const answer = await request(url, 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }', {
    input,
  });
  const id = (answer.data?.startRun as { run?: { id?: string } } | undefined)?.run?.id;
  if (id === undefined) throw new Error(`startRun was refused: ${JSON.stringify(answer.errors)}`);
  return id;
};

export const wsClient = (url: string, options: { readonly retryAttempts?: number } = {}): Client =>
  createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0, ...options });

/** The fields that prove completeness. */
const EVENT = `__typename seq attempt timestamp
  ... on LogLine { level stream message logger fields truncated exception { type message stack } }
  ... on StatusChanged { status previous detail }
  ... on ProgressUpdated { label current total unit }
  ... on GroupStarted { name }
  ... on GroupEnded { name }
  ... on OutputProduced { value }
  ... on CustomEvent { name data }
  ... on ContainerEvent { containerEvent: kind containerDetail: detail }
  ... on LinesDropped { fromSeq count droppedBytes droppedLines reason }
  ... on AttemptFinished { exitCode failure { reason message signal } digest retryAt }
  ... on RunFinished { finalStatus: status exitCode failure { reason message signal } finalMessage: message lines bytes dropped digest }`;

export interface ClientEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly attempt: number;
  readonly fromSeq?: number;
  readonly stream?: string;
  readonly message?: string;
  readonly digest?: string | null;
  readonly [field: string]: unknown;
}

export interface Followed {
  readonly events: ClientEvent[];
  /** Whether `complete` came (rather than an error). */
  readonly completed: boolean;
}

const QUERIES = {
  batches: `subscription ($runId: ID!, $after: Int, $tail: Int) {
    log: runLogBatches(runId: $runId, after: $after, tail: $tail) { lastSeq caughtUp events { ${EVENT} } } }`,
  lines: `subscription ($runId: ID!, $after: Int, $tail: Int) {
    log: runLogs(runId: $runId, after: $after, tail: $tail) { ${EVENT} } }`,
};

/** Follows a run's log until `complete`, or until `enough` events have come. @throws Error with the errors of the server */
export const follow = async (
  client: Client,
  runId: string,
  options: {
    readonly after?: number;
    readonly tail?: number;
    readonly by?: keyof typeof QUERIES;
    readonly enough?: number;
  } = {},
): Promise<Followed> => {
  const { by = 'batches', enough = Number.POSITIVE_INFINITY, ...from } = options;
  const events: ClientEvent[] = [];
  const subscription = client.iterate<{ log: ClientEvent | { events: ClientEvent[] } }>({
    query: QUERIES[by],
    variables: { runId, ...from },
  });
  for await (const { data, errors } of subscription) {
    if (errors) throw new Error(JSON.stringify(errors));
    if (data) events.push(...('events' in data.log ? (data.log.events as ClientEvent[]) : [data.log as ClientEvent]));
    if (events.length >= enough) return { events, completed: false };
  }
  return { events, completed: true };
};

/** What a client can check in a complete log. `holes` and `repeats` are 0 if each event follows the one before. */
export const audit = (events: readonly ClientEvent[], after = 0) => {
  let holes = 0;
  let repeats = 0;
  let next = after + 1;
  const hash = createHash('sha256');
  const lastAttempt = events.at(-1)?.attempt ?? 1;
  let lines = 0;
  for (const event of events) {
    const first = event.fromSeq ?? event.seq;
    if (first > next) holes += 1;
    if (first < next) repeats += 1;
    next = event.seq + 1;
    if (event.__typename === 'LogLine' && event.stream !== 'SYSTEM' && event.attempt === lastAttempt) {
      hash.update(`${event.message}\n`);
      lines += 1;
    }
  }
  const end = events.at(-1);
  return { holes, repeats, lines, digest: hash.digest('hex'), finished: end?.__typename === 'RunFinished', end };
};
