/** Subscriptions of `resumable` as async iterators. */
import { createClient } from 'graphql-ws';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { resumable } from '../../../packages/client/src/resumable.ts';
import { BATCHES, batch, end, LINES, line, serve } from '../../support/network/scriptedServer.ts';

interface Batches {
  readonly log: { readonly events: readonly { readonly seq: number; readonly message?: string }[] };
}
const connect = (url: string) => {
  const closed = vi.fn<() => void>();
  const socket = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, on: { closed } });
  const client = resumable(socket, { maxPauseMs: 20 });
  onTestFinished(() => void client.dispose());
  return { client, closed };
};

test('gives each event once, despite lost connections, and is done after the end', async () => {
  const { url } = await serve((one, turn) => {
    one.next(batch(line(turn * 2 - 1), turn < 5 ? line(turn * 2) : end(turn * 2)));
    if (turn < 5) one.close(1001);
    else one.complete();
  });
  const seqs: number[] = [];
  for await (const { data } of connect(url).client.iterate<Batches>({ query: BATCHES })) {
    seqs.push(...(data?.log.events.map(({ seq }) => seq) ?? []));
  }
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('first gives the events that came before an error, then throws the error, and is done', async () => {
  const { url } = await serve((one) => {
    one.next(batch(line(1)));
    one.next(batch(line(2)));
    one.error('NOT_FOUND');
  });
  const iterator = connect(url).client.iterate({ query: BATCHES });
  expect(await iterator.next()).toMatchObject({ done: false });
  expect(await iterator.next()).toMatchObject({ done: false });
  await expect(iterator.next()).rejects.toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test('break ends the subscription and lets the socket close', async () => {
  const { url } = await serve((one) => one.next(batch(line(1))));
  const { client, closed } = connect(url);
  for await (const { data } of client.iterate<Batches>({ query: BATCHES })) {
    expect(data?.log.events).toHaveLength(1);
    break;
  }
  await vi.waitUntil(() => closed.mock.calls.length > 0, { timeout: 20_000 });
});

test('return and throw end it, also while next is waiting', async () => {
  const { url } = await serve(() => undefined);
  const { client, closed } = connect(url);
  const one = client.iterate({ query: BATCHES });
  const waiting = one.next();
  expect(await one.return?.()).toEqual({ done: true, value: undefined });
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await one.next()).toEqual({ done: true, value: undefined });
  const other = client.iterate({ query: BATCHES });
  const failing = other.next();
  // As in graphql-ws.
  expect(await other.throw?.(new Error('enough'))).toEqual({ done: true, value: undefined });
  await expect(failing.then(() => other.next())).rejects.toThrow('enough');
  await vi.waitUntil(() => closed.mock.calls.length > 0, { timeout: 20_000 });
});

test.each([
  ['batches', BATCHES],
  ['lines', LINES],
])('a slow reader has a bounded backlog and misses nothing, by %s', async (by, query) => {
  const message = 'x'.repeat(100_000);
  const total = 400;
  // 84 events are 8 MiB. The server sends no more than this before the client asks it to stop, however busy both are.
  const mostBeforeStop = 200;
  let sent = 0;
  let stops = 0;
  const { url, asked } = await serve((one) => {
    const from = Number(one.variables.after ?? 0) + 1;
    const data = (seq: number) => {
      const event = { ...(seq === total ? end(seq) : line(seq)), message };
      return by === 'batches' ? batch(event) : { log: event };
    };
    /** Sends until the client asks it to stop. */
    const send = (seq: number): void => {
      if (one.isOver()) {
        stops += 1;
        return;
      }
      if (asked.length === 1 && seq > mostBeforeStop) {
        setTimeout(send, 5, seq);
        return;
      }
      sent += 1;
      one.next(data(seq));
      if (seq === total) one.complete();
      else setImmediate(send, seq + 1);
    };
    send(from);
  });
  const { client } = connect(url);
  const iterator = client.iterate<{ log: Batches['log'] & { seq?: number } }>({ query });
  const seqs: number[] = [];
  for await (const { data } of iterator) {
    seqs.push(...(data?.log.events?.map(({ seq }) => seq) ?? [data?.log.seq ?? 0]));
    if (seqs.length === 1) {
      await vi.waitUntil(() => stops === 1, { timeout: 20_000 });
      // The first went to the reader.
      expect(sent).toBeGreaterThan(84);
      expect(asked).toHaveLength(1);
    }
  }
  expect(seqs).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  expect(asked.length).toBeGreaterThan(1);
});

test('a query gives one result', async () => {
  const { url } = await serve((one) => {
    one.next({ runs: [] });
    one.complete();
  });
  const results: unknown[] = [];
  for await (const result of connect(url).client.iterate({ query: '{ runs }' })) results.push(result);
  expect(results).toMatchObject([{ data: { runs: [] } }]);
});
