/** The process of the honest clients: viewers that follow a run to its end, and callers that make small requests. */
import { createHash, type Hash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { resumable } from '../../packages/client/src/resumable.ts';

export interface HonestOptions {
  readonly port: number;
  readonly runId: string;
  readonly viewers: number;
  readonly callers: number;
}

/** What its parent may ask for. `begin`: measure from now on; `end`: tell it, and measure no more. */
export type HonestOrder = 'begin' | 'end' | 'stop';

/** The answer to `end`. */
export interface Measured {
  /** How long callers waited for answers, and viewers for lines, milliseconds. */
  readonly calls: readonly number[];
  readonly lines: readonly number[];
  /** Calls that got no data. */
  readonly failed: number;
}

/** The answer to `stop`. */
export interface HonestEnd {
  /** Faults of viewers: a hole, a wrong digest, no end. */
  readonly faults: readonly string[];
}

const { port, runId, viewers, callers } = JSON.parse(process.argv[2] ?? '') as HonestOptions;
let calls: number[] = [];
let lines: number[] = [];
const faults: string[] = [];
let failed = 0;
let measuring = false;

const LOG = `subscription ($runId: ID!, $after: Int) { runLogBatches(runId: $runId, after: $after) {
  lastSeq events { __typename seq ... on LogLine { message stream } ... on RunFinished { digest } } } }`;
interface Batch {
  readonly lastSeq: number;
  readonly events: readonly { __typename: string; seq: number; message?: string; stream?: string; digest?: string }[];
}

/** Resolves at the end of the run. `began` is called with the first batch. */
const view = async (began: () => void): Promise<void> => {
  const url = `ws://127.0.0.1:${port}/graphql`;
  const client = resumable(createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazy: true }), {
    maxPauseMs: 1000,
  });
  const hash: Hash = createHash('sha256');
  let seq = 0;
  let digest: string | null = null;
  const take = ({ events }: Batch): void => {
    began();
    for (const event of events) {
      if (event.seq !== seq + 1) faults.push(`a viewer got seq ${event.seq} after ${seq}`);
      seq = event.seq;
      if (event.__typename === 'RunFinished') digest = event.digest ?? '';
      if (event.message === undefined || event.stream === 'SYSTEM') continue;
      hash.update(`${event.message}\n`);
      if (measuring) lines.push(Date.now() - Number(event.message.split(' ')[0]));
    }
  };
  await new Promise<void>((resolve) => {
    client.subscribe<{ runLogBatches: Batch }>(
      { query: LOG, variables: { runId } },
      {
        next: ({ data }) => data && take(data.runLogBatches),
        error: (error) => {
          faults.push(`a viewer was refused: ${JSON.stringify(error)}`);
          resolve();
        },
        complete: resolve,
      },
    );
  });
  if (digest === null) faults.push('a viewer got no RunFinished');
  else if (digest !== hash.digest('hex')) faults.push('the lines of a viewer do not match the digest');
  await client.dispose();
};

const agent = new Agent({ keepAlive: true });
const ask = (query: string): Promise<boolean> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: '/graphql', headers, timeout: 20_000 },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('close', () => resolve(text.startsWith('{"data":') && !text.includes('"errors"')));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end(JSON.stringify({ query }));
  });

const CALL_EVERY_MS = 100;
const call = async (signal: AbortSignal): Promise<void> => {
  for (let i = 0; !signal.aborted; i += 1) {
    const begun = performance.now();
    const answered = await ask(
      i % 2 ? '{ runs(first: 5) { edges { node { id status } } } }' : `{ run(id: "${runId}") { status lines } }`,
    );
    if (measuring) calls.push(performance.now() - begun);
    if (measuring && !answered) failed += 1;
    await delay(CALL_EVERY_MS);
  }
};

const stop = new AbortController();
let began = 0;
let told = false;
const following = Array.from({ length: viewers }, () => {
  let first = true;
  return view(() => {
    if (first) began += 1;
    first = false;
    if (began === viewers && !told) process.send?.('ready');
    told ||= began === viewers;
  });
});
const calling = Array.from({ length: callers }, () => call(stop.signal));
process.on('message', (order: HonestOrder) => {
  measuring = order === 'begin';
  if (order === 'begin') [calls, lines, failed] = [[], [], 0];
  if (order === 'end') process.send?.({ calls, lines, failed } satisfies Measured);
  if (order !== 'stop') return;
  stop.abort();
  void Promise.all([...following, ...calling]).then(() => {
    process.send?.({ faults } satisfies HonestEnd, () => process.exit(0));
  });
});
process.once('disconnect', () => process.exit(1));
