import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventReader } from '../../support/clients/eventStream.ts';
import { openHttp, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, PlainWriter } from '../../support/log.ts';

const RUN = 'subscription ($id: ID!) { runUpdated(runId: $id) { lines bytes lastSeq status } }';
const RUNS = 'subscription { runsUpdated { kind runId run { lines status } } }';

const running = async (api: TestApi): Promise<PlainWriter> => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis, { status: 'RUNNING' })).claim();
  await api.redis.zadd('runs:active', 0, writer.runId);
  return writer;
};
interface Told {
  readonly at: number;
  readonly lines: number;
}
const told = (socket: RawSocket, name: string): Record<string, number>[] =>
  socket.messages
    .filter(({ id, type }) => id === name && type === 'next')
    .map(({ payload }) => (payload as { data: { runUpdated: Record<string, number> } }).data.runUpdated);

test('S10: while only lines are written runUpdated delivers at most once a second, and the last change too', async () => {
  await using api = await openHttp();
  const writer = await running(api);
  await using socket = await new RawSocket(api.url).ready();
  const seen: Told[] = [];
  socket.socket.on('message', (bytes) => {
    const lines = /"lines":(\d+)/.exec(String(bytes))?.[1];
    if (lines !== undefined) seen.push({ at: performance.now(), lines: Number(lines) });
  });
  socket.subscribe('1', RUN, { id: writer.runId });
  await socket.until(({ id }) => id === '1');
  const began = performance.now();
  for (let written = 0; written < 300; written += 1) {
    await writer.lines(10);
    await delay(10);
  }
  await socket.until(() => told(socket, '1').at(-1)?.lines === 3000);
  const seconds = (performance.now() - began) / 1000;
  expect(told(socket, '1').at(-1)).toMatchObject({ lines: 3000, lastSeq: 3001, status: 'RUNNING' });
  expect(told(socket, '1').length).toBeGreaterThan(2);
  // The first one, and one for each second that began.
  expect(seen.length).toBeLessThanOrEqual(Math.ceil(seconds) + 2);
}, 60_000);

test('growth is also delivered by SSE and to followers of lists', async () => {
  await using api = await openHttp();
  const writer = await running(api);
  await using reader = new EventReader(api.port, { query: RUN, variables: { id: writer.runId } });
  await reader.until(({ events }) => events.length === 1);
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', RUNS);
  await socket.until((message) => JSON.stringify(message).includes('SYNCED'));
  await writer.lines(7);
  await reader.until(({ events }) => events.length === 2);
  expect(reader.events[1]?.data).toMatchObject({ data: { runUpdated: { lines: 7 } } });
  const update = await socket.until((message) => JSON.stringify(message).includes('UPDATED'));
  expect(update.payload).toMatchObject({
    data: { runsUpdated: { kind: 'UPDATED', runId: writer.runId, run: { lines: 7, status: 'RUNNING' } } },
  });
}, 60_000);

test('growth is also delivered for a run that starts after the list is followed', async () => {
  await using api = await openHttp();
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', RUNS);
  await socket.until((message) => JSON.stringify(message).includes('SYNCED'));
  const writer = await running(api);
  await socket.until((message) => JSON.stringify(message).includes('CREATED'));
  await writer.lines(5);
  await socket.until((message) => JSON.stringify(message).includes('"lines":5'));
}, 60_000);

test('S10a: Redis is asked only about runs that are followed, and no longer when all followers have left', async () => {
  await using api = await openHttp();
  const [watched, other] = [await running(api), await running(api)];
  await using monitor = await new RawSocket(api.url).ready();
  const asked: string[] = [];
  const watching = await api.redis.monitor();
  watching.on('monitor', (_time: string, args: string[]) => {
    if (args[0]?.toLowerCase() === 'hmget' && args[2] === 'status' && args[3] === 'lastSeq') asked.push(args[1] ?? '');
  });
  try {
    monitor.subscribe('1', RUN, { id: watched.runId });
    await monitor.until(({ id }) => id === '1');
    while (asked.length < 2) await delay(20);
    expect(new Set(asked)).toEqual(new Set([`run:{${watched.runId}}`]));
    expect(asked).not.toContain(`run:{${other.runId}}`);
    monitor.send({ id: '1', type: 'complete' });
    await delay(100);
    const count = asked.length;
    await delay(2500);
    expect(asked.length - count).toBeLessThanOrEqual(1);
  } finally {
    watching.disconnect();
  }
}, 60_000);
