import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { followers, openHttp, RawSocket } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { Looks } from '../../support/looks.ts';
import { until } from '../../support/runs/runs.ts';

const QUERY = 'subscription ($id: ID!) { runLogBatches(runId: $id) { events { seq ... on LogLine { message } } } }';
const FAST = { keepAlive: { pingMs: 50, stalledMs: 400 } };
/** Long compared with the time that it takes to fill the kernel's buffers. */
const STALLED_MS = 1500;

test('an idle client that answers pings stays connected', async () => {
  await using api = await openHttp(FAST);
  await using socket = await new RawSocket(api.url).ready();
  let pings = 0;
  socket.socket.on('ping', () => {
    pings += 1;
  });
  await until(
    async () => pings,
    (count) => count >= 15,
  );
  expect(socket.socket.readyState).toBe(socket.socket.OPEN);
});

test('a client that no longer answers is detected, and its feed is freed', async () => {
  await using api = await openHttp(FAST);
  const id = await createRun(api.redis);
  const socket = await new RawSocket(api.url, { autoPong: false }).ready();
  socket.subscribe('1', QUERY, { id });
  await socket.until((message) => message.id === '1');
  expect((await socket.closed).code).toBe(1006);
  await until(
    () => followers(api.redis, id),
    (count) => count === 0,
  );
});

test('S9c: a client that stops reading in a flood is cut after the time limit', async () => {
  await using api = await openHttp({ keepAlive: { pingMs: 50, stalledMs: STALLED_MS } });
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (let i = 0; i < 200; i += 1) await writer.lines(100, 'x'.repeat(1000));
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', QUERY, { id: writer.runId });
  await until(
    () => followers(api.redis, writer.runId),
    (count) => count === 1,
  );
  socket.socket.pause();
  using looks = new Looks(STALLED_MS);
  await until(
    () => followers(api.redis, writer.runId),
    (count) => count === 0,
    30_000,
  );
  expect(looks.periods).toBeLessThan(1.7);
  socket.socket.terminate();
});

test('S9c: a client that pipelines requests and reads no response is cut after the time limit', async () => {
  await using api = await openHttp({ keepAlive: { pingMs: 50, stalledMs: STALLED_MS } });
  const socket = connect(api.port, '127.0.0.1');
  socket.on('error', () => undefined).pause();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const request = `GET /graphql?query={__schema{types{fields{description}}}} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  socket.write(request.repeat(5000));
  // A paused socket learns that it was cut when it writes.
  const timer = setInterval(() => socket.write('\r\n'), 100);
  await closed;
  clearInterval(timer);
});

test('J7: a slow reader gets every event, although its pings wait behind its data', async () => {
  await using api = await openHttp(FAST);
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (let i = 0; i < 150; i += 1) await writer.lines(100, 'x'.repeat(1000));
  await writer.append([finished()]);
  const socket = await new RawSocket(api.url, { autoPong: false }).ready();
  // Reads for a moment, pauses for longer than pings are apart but below the time limit, and never answers a ping.
  const slow = (async () => {
    while (socket.socket.readyState === socket.socket.OPEN) {
      socket.socket.pause();
      await delay(120);
      socket.socket.resume();
      await delay(10);
    }
  })();
  socket.subscribe('1', QUERY, { id: writer.runId });
  await socket.until(({ type }) => type === 'complete');
  const seqs = socket.messages.flatMap(({ payload }) =>
    ((payload as { data?: { runLogBatches: { events: { seq: number }[] } } })?.data?.runLogBatches.events ?? []).map(
      ({ seq }) => seq,
    ),
  );
  expect(seqs).toEqual(Array.from({ length: 15_002 }, (_, i) => i + 1));
  socket.socket.terminate();
  await slow;
});
