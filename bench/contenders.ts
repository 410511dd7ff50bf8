/** What is measured: two rivals, and three ways to follow a run of runloom. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RunId } from '../src/domain/ids.ts';
import { createRun } from '../test/support/log.ts';
import { asGraphqlEvent, channelFeed, type Feed, LogFeed } from './feed/feed.ts';
import type { Target } from './load/messages.ts';
import { type BenchServer, type ServerOptions, startBare, startPlainGraphql, startRunloom } from './servers.ts';

export type Letter = 'A' | 'B' | 'C' | 'D' | 'E';

/** A channel or a run: what writes to it, and what its viewers ask for. */
export interface Stage {
  readonly feed: Feed;
  /** `viewer` counts from 0, which is the default. */
  target(port: number, viewer?: number): Target;
}

export interface Contender {
  readonly letter: Letter;
  readonly name: string;
  start(options: ServerOptions): Promise<BenchServer>;
  /** Makes a new channel or run. */
  stage(redis: Redis): Promise<Stage>;
  /** Whether the server queues without bound for a slow viewer. A flood must then be held back. */
  readonly pushes: boolean;
}

/** What viewers select of a line. */
const LINE_FIELDS = 'level stream message';
const FIELDS = `__typename seq timestamp ... on LogLine { ${LINE_FIELDS} }`;
/** A log budget that no flood reaches. */
export const UNBOUNDED = { maxLogBytes: 2 ** 40 };

const QUERIES = {
  B: `subscription ($runId: ID!) { logLine(runId: $runId) { __typename seq timestamp ${LINE_FIELDS} } }`,
  C: `subscription ($runId: ID!, $after: Int) { runLogs(runId: $runId, after: $after) { ${FIELDS} } }`,
  D: `subscription ($runId: ID!, $after: Int) { runLogBatches(runId: $runId, after: $after) { lastSeq events { ${FIELDS} } } }`,
} as const;

/** How viewers of C, D or E follow a run. */
export const runTarget = (letter: 'C' | 'D' | 'E', runId: RunId, port: number, after = 0): Target => ({
  protocol: letter === 'E' ? 'sse' : 'graphql',
  port,
  path: '/graphql',
  query: QUERIES[letter === 'E' ? 'D' : letter],
  variables: { runId, after },
});

const newChannel = (): string => `bench-${randomUUID()}`;

const runloom = (letter: 'C' | 'D' | 'E', name: string): Contender => ({
  letter,
  name,
  pushes: false,
  start: startRunloom,
  async stage(redis) {
    const runId = await createRun(redis, UNBOUNDED);
    const feed = await LogFeed.open(redis, runId);
    return { feed, target: (port) => runTarget(letter, runId, port) };
  },
});

export const CONTENDERS: readonly Contender[] = [
  {
    letter: 'A',
    name: 'bare forwarder',
    pushes: true,
    start: startBare,
    stage(redis) {
      const channel = newChannel();
      const feed = channelFeed(redis, channel, (line) => line);
      return Promise.resolve({ feed, target: (port) => ({ protocol: 'bare', port, path: `/${channel}` }) });
    },
  },
  {
    letter: 'B',
    name: 'plain GraphQL',
    pushes: true,
    start: startPlainGraphql,
    stage(redis) {
      const runId = newChannel();
      const target = { protocol: 'graphql', path: '/graphql', query: QUERIES.B, variables: { runId } } as const;
      const feed = channelFeed(redis, `lines.${runId}`, asGraphqlEvent);
      return Promise.resolve({ feed, target: (port) => ({ ...target, port }) });
    },
  },
  runloom('C', 'runLogs'),
  runloom('D', 'runLogBatches'),
  runloom('E', 'batches over SSE'),
];
