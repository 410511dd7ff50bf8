/** `resumable` with a subscription to the logs of many runs, over real sockets. */
import { createClient } from 'graphql-ws';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { resumable } from '../../../packages/client/src/resumable.ts';
import { line, serve } from '../../support/network/scriptedServer.ts';

const LOGS = `subscription ($positions: [LogPosition!], $since: DateTime) {
  logs(filter: {}, positions: $positions, since: $since) {
    change run { id } batch { lastSeq events { __typename seq } } } }`;

const piece = (id: string, seqs: readonly number[], change: string | null = null) => ({
  logs: { change, run: { id }, batch: { lastSeq: seqs.at(-1), events: seqs.map(line) } },
});

interface Seen {
  readonly logs: {
    readonly run: { readonly id: string };
    readonly batch: { readonly events: { seq: number }[] } | null;
  };
}

test('S13a: a client of logs goes on in each run, says since when it follows, and gets each event once', async () => {
  const { url, asked } = await serve((one, turn) => {
    if (turn === 1) return one.close();
    if (turn === 2) {
      one.next(piece('a', [1, 2], 'JOINED'));
      one.next(piece('b', [7], 'JOINED'));
      one.next({ logs: { change: 'ENDED', run: { id: 'b' }, batch: null } });
      return one.close(1000);
    }
    one.next(piece('a', [2, 3], 'JOINED'));
    one.next(piece('a', [3]));
    one.next(piece('c', [1], 'JOINED'));
  });
  const client = resumable(createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 }), { maxPauseMs: 1 });
  onTestFinished(() => void client.dispose());
  const began = Date.now();
  const seen: string[] = [];
  client.subscribe<Seen>(
    { query: LOGS },
    {
      next: ({ data }) => {
        for (const { seq } of data?.logs.batch?.events ?? []) seen.push(`${data?.logs.run.id}${seq}`);
      },
      error: () => undefined,
      complete: () => undefined,
    },
  );
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['a1', 'a2', 'b7', 'a3', 'c1']);
  const [first, second, third] = asked.map(({ variables }) => variables as { since?: string; positions?: unknown });
  expect(first?.since).toBeUndefined();
  expect(second?.positions).toEqual([]);
  expect(third?.positions).toEqual([
    { runId: 'a', after: 2 },
    { runId: 'b', after: 7 },
  ]);
  expect(third?.since).toBe(second?.since);
  expect(Date.parse(third?.since ?? '')).toBeLessThanOrEqual(began);
});
