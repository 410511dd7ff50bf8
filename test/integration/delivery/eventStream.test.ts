import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventReader, type EventRequest, seqsOf } from '../../support/clients/eventStream.ts';
import { serverSentEvents } from '../../support/clients/followers.ts';
import { followers, openHttp, post, rawHttp, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { Looks } from '../../support/looks.ts';
import { removeRun, until } from '../../support/runs/runs.ts';

const LINES = 'subscription ($id: ID!) { runLogs(runId: $id) { seq ... on LogLine { message } } }';
const BATCHES = 'subscription ($id: ID!) { runLogBatches(runId: $id) { events { seq ... on LogLine { message } } } }';
const FAST = { keepAlive: { pingMs: 50, stalledMs: 400 } };
/** Long compared with the time that it takes to fill the kernel's buffers. */
const STALLED_MS = 1500;
const TEXT = 'häß "\\\r\n\u2028€😀';

const newWriter = async ({ redis }: TestApi) => await new PlainWriter(redis, await createRun(redis)).claim();
const freed = ({ redis }: TestApi, id: string, ms = 1000) =>
  until(
    () => followers(redis, id),
    (count) => count === 0,
    ms,
  );
const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, i) => i + 1);

test.each([
  ['POST', '1.1'],
  ['GET', '1.1'],
  ['POST', '1.0'],
] as const)(
  'S7: by %s of HTTP/%s each event is a next with one data line, and the end is a complete',
  async (method, version) => {
    await using api = await openHttp();
    const writer = await newWriter(api);
    await writer.lines(2, TEXT);
    await writer.append([finished()]);
    const variables = { id: writer.runId };
    const request: EventRequest = { query: LINES, variables, method, version };
    await using reader = new EventReader(api.port, request);
    await reader.until(({ events }) => events.at(-1)?.event === 'complete');
    expect(reader.head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(reader.head).toMatch(/^content-type: text\/event-stream$/m);
    expect(reader.head).toMatch(/^cache-control: no-store, no-transform$/im);
    expect(reader.comments).toBe(1);
    expect(reader.events).toEqual([
      { event: 'next', data: { data: { runLogs: { seq: 1 } } } },
      { event: 'next', data: { data: { runLogs: { seq: 2, message: `${TEXT} 2` } } } },
      { event: 'next', data: { data: { runLogs: { seq: 3, message: `${TEXT} 3` } } } },
      { event: 'next', data: { data: { runLogs: { seq: 4 } } } },
      { event: 'complete', data: null },
    ]);
    // HTTP/1.0 has no chunks: the end of the connection is the end of the answer.
    expect(await reader.ended).toBe(version === '1.0' ? 'cut' : 'whole');
    if (version === '1.0') return;
    reader.ask({ query: BATCHES, variables });
    await reader.until(({ events }) => events.length === 7);
    expect(seqsOf(reader).slice(4)).toEqual(upTo(4));
  },
);

test('many readers, fast and slow, by lines and by batches, get each event once', async () => {
  await using api = await openHttp();
  const writer = await newWriter(api);
  const readers = Array.from({ length: 40 }, (_, i) => {
    const query = i % 2 === 0 ? LINES : BATCHES;
    return { slow: i % 5 === 0, reader: new EventReader(api.port, { query, variables: { id: writer.runId } }) };
  });
  await Promise.all(readers.map(({ reader }) => reader.until(({ events }) => events.length > 0)));
  expect(await followers(api.redis, writer.runId)).toBe(1);
  const reading = readers
    .filter(({ slow }) => slow)
    .map(async ({ reader: { socket } }) => {
      while (!socket.destroyed) {
        socket.pause();
        await delay(20);
        socket.resume();
        await delay(1);
      }
    });
  const fetched: number[] = [];
  const fetching = (async () => {
    for await (const { data } of serverSentEvents(api.url, LINES, { id: writer.runId })) {
      if (data !== '') fetched.push((JSON.parse(data) as { data: { runLogs: { seq: number } } }).data.runLogs.seq);
    }
  })();
  for (let i = 0; i < 60; i += 1) await writer.lines(100, 'x'.repeat(200));
  await writer.append([finished()]);
  for (const { reader } of readers) {
    expect(await reader.ended).toBe('whole');
    expect(seqsOf(reader)).toEqual(upTo(6002));
    expect(reader.events.at(-1)).toEqual({ event: 'complete', data: null });
    reader.socket.destroy();
  }
  await fetching;
  expect(fetched).toEqual(upTo(6002));
  await Promise.all(reading);
  await freed(api, writer.runId);
});

test('readers that are cut off, while they wait or while data is sent to them, free their feeds within a second', async () => {
  await using api = await openHttp();
  const writer = await newWriter(api);
  const idle = await createRun(api.redis);
  const readers = Array.from({ length: 30 }, (_, i) => {
    const id = i % 3 === 0 ? idle : writer.runId;
    return new EventReader(api.port, { query: i % 2 === 0 ? LINES : BATCHES, variables: { id } });
  });
  await Promise.all(readers.map((reader) => reader.until(({ events }) => events.length > 0)));
  let stop = false;
  const writing = (async () => {
    while (!stop) await writer.lines(50, 'x'.repeat(200));
  })();
  for (const [i, { socket }] of readers.entries()) {
    if (i % 4 === 0) socket.pause();
    if (i % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  await Promise.all([freed(api, idle), freed(api, writer.runId)]);
  stop = true;
  await writing;
  expect(api.hub.feeds).toBe(0);
});

test('answers to several requests on one connection are not mixed, and leave nothing behind', async () => {
  await using api = await openHttp();
  const ended = await newWriter(api);
  await ended.append([finished()]);
  const ids = [ended.runId, await createRun(api.redis), await createRun(api.redis)];
  const requests = ids.map((id) => ({ query: LINES, variables: { id } }));
  await using reader = new EventReader(api.port, ...requests.slice(0, 1));
  await reader.until(({ events }) => events.at(-1)?.event === 'complete');
  await using behind = new EventReader(api.port, ...requests.slice(1));
  await behind.until(({ events }) => events.length > 0);
  await until(
    () => followers(api.redis, ids[2] ?? ''),
    (count) => count === 1,
  );
  expect(behind.events).toHaveLength(1);
  behind.socket.destroy();
  await Promise.all(ids.map((id) => freed(api, id)));
});

test('S7a: a reader gets comments while there are no events, and stays connected', async () => {
  await using api = await openHttp(FAST);
  const id = await createRun(api.redis);
  await using reader = new EventReader(api.port, { query: LINES, variables: { id } });
  await reader.until(({ comments }) => comments >= 15);
  expect(reader.socket.destroyed).toBe(false);
  expect(seqsOf(reader)).toEqual([1]);
});

test('S7c: a reader that takes no data is cut off after the time limit; the others get everything', async () => {
  await using api = await openHttp({ keepAlive: { pingMs: 50, stalledMs: STALLED_MS } });
  const writer = await newWriter(api);
  const stalled = await newWriter(api);
  for (const each of [writer, stalled]) for (let i = 0; i < 200; i += 1) await each.lines(100, 'x'.repeat(1000));
  await using reader = new EventReader(api.port, { query: BATCHES, variables: { id: stalled.runId } });
  reader.socket.pause();
  await until(
    () => followers(api.redis, stalled.runId),
    (count) => count === 1,
  );
  using looks = new Looks(STALLED_MS);
  await using other = new EventReader(api.port, { query: BATCHES, variables: { id: writer.runId } });
  const whole = other.until((self) => seqsOf(self).length >= 20_001);
  await freed(api, stalled.runId, 10_000);
  expect(looks.periods).toBeLessThan(1.7);
  await whole;
  await writer.append([finished()]);
  expect(await other.ended).toBe('whole');
  expect(seqsOf(other)).toEqual(upTo(20_002));
  reader.socket.resume();
  expect(await reader.ended).toBe('cut');
  expect(reader.events.every(({ event }) => event === 'next')).toBe(true);
});

test('a slow reader is not cut off, and gets everything', async () => {
  await using api = await openHttp(FAST);
  const writer = await newWriter(api);
  for (let i = 0; i < 150; i += 1) await writer.lines(100, 'x'.repeat(1000));
  await writer.append([finished()]);
  await using reader = new EventReader(api.port, { query: BATCHES, variables: { id: writer.runId } });
  const { socket } = reader;
  let over = false;
  const slow = (async () => {
    while (!over) {
      socket.pause();
      await delay(120);
      socket.resume();
      await delay(10);
    }
  })();
  expect(await reader.ended).toBe('whole');
  over = true;
  await slow;
  expect(seqsOf(reader)).toEqual(upTo(15_002));
});

test('S7b: an error is a next and a complete, before the first result and after it', async () => {
  await using api = await openHttp();
  const id = await createRun(api.redis);
  await using reader = new EventReader(api.port, { query: LINES, variables: { id } });
  await reader.until(({ events }) => events.length > 0);
  await removeRun(api.redis, id);
  expect(await reader.ended).toBe('whole');
  await using late = new EventReader(api.port, { query: LINES, variables: { id } });
  expect(await late.ended).toBe('whole');
  const errors = [
    { message: 'Run not found. Check the id; the run can also have been removed.', extensions: { code: 'NOT_FOUND' } },
  ];
  expect(reader.events.slice(1)).toMatchObject([
    { event: 'next', data: { errors } },
    { event: 'complete', data: null },
  ]);
  expect(late.events).toMatchObject([
    { event: 'next', data: { errors } },
    { event: 'complete', data: null },
  ]);
});

test('queries can be answered as events too; a subscription as JSON is refused, and frees its feed', async () => {
  await using api = await openHttp();
  await using reader = new EventReader(api.port, { query: '{ __typename }' });
  expect(await reader.ended).toBe('whole');
  expect(reader.events).toEqual([
    { event: 'next', data: { data: { __typename: 'Query' } } },
    { event: 'complete', data: null },
  ]);
  const id = await createRun(api.redis);
  const get = `GET /graphql?query=${encodeURIComponent(`subscription { runLogs(runId: "${id}") { seq } }`)} HTTP/1.1`;
  const refused = await rawHttp(
    api.port,
    `${get}\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n`,
  );
  expect(refused).toMatch(/^HTTP\/1\.1 406 /);
  await freed(api, id);
  const missing = await post(api.url, LINES, { id: 'none' }, { accept: 'application/json' });
  expect(missing.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
});
