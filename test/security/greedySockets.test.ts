/**
 * A client that asks for as much as it can over WebSockets or pipelined requests does not starve others or fill the
 * memory.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../src/domain/limits.ts';
import { RawSocket } from '../support/clients/http.ts';
import { peakMemory } from '../support/memory.ts';
import { startService, type TestService } from '../support/service.ts';

const MIB = 1024 * 1024;
let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

/** The request of an honest caller, such as a page sends. */
const honest = async (): Promise<number> => {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ runs(first: 5) { edges { node { id } } } }' }),
  });
  await response.arrayBuffer();
  return response.status;
};

const subscribe = (id: string, query: string): string => JSON.stringify({ id, type: 'subscribe', payload: { query } });

/** Sends all texts in one write. */
const flood = (socket: RawSocket, texts: readonly string[]): void => {
  const { _socket: raw } = socket.socket as unknown as { _socket: { cork(): void; uncork(): void } };
  raw.cork();
  for (const text of texts) socket.socket.send(text);
  raw.uncork();
};

const FLOODS: readonly (readonly [what: string, text: (i: number) => string, count: number])[] = [
  ['documents that are not GraphQL', (i) => subscribe(`${i}`, '{'), 20_000],
  ['pings', () => '{"type":"ping"}', 20_000],
  [
    'subscribe and complete',
    (i) => (i % 2 ? `{"id":"${i - 1}","type":"complete"}` : subscribe(`${i}`, 'subscription { runsUpdated { kind } }')),
    20_000,
  ],
];

test.each(FLOODS)(
  'S6a, S6b: 20,000 %s in one write: others are answered meanwhile, and the socket is closed with 4429',
  async (_what, text, count) => {
    const socket = await new RawSocket(service.url).ready();
    flood(
      socket,
      Array.from({ length: count }, (_, i) => text(i)),
    );
    // Each honest request is answered before the flood is processed, in turn with its messages.
    for (let i = 0; i < 3; i += 1) expect(await honest()).toBe(200);
    expect((await socket.closed).code).toBe(4429);
    expect(socket.messages.length).toBeLessThan(LIMITS.messageBurst + 2000);
  },
);

test('a page that makes 1,000 subscriptions at once, on ten sockets, and completes them all, is served', async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => new RawSocket(service.url).ready()));
  for (const socket of sockets) {
    flood(
      socket,
      Array.from({ length: 100 }, (_, i) => subscribe(`${i}`, 'subscription { runsUpdated { kind } }')),
    );
  }
  for (const socket of sockets) {
    for (let i = 0; i < 100; i += 1) await socket.until(({ id, type }) => id === `${i}` && type === 'next');
    flood(
      socket,
      Array.from({ length: 100 }, (_, i) => `{"id":"${i}","type":"complete"}`),
    );
    socket.subscribe('last', '{ __typename }');
    await socket.until(({ id }) => id === 'last');
    await socket[Symbol.asyncDispose]();
  }
});

const UNREAD: readonly (readonly [what: string, text: (i: number) => string])[] = [
  ['pings of 60 kB', () => JSON.stringify({ type: 'ping', payload: { pad: 'x'.repeat(60_000) } })],
  ['refused operations of 60 kB', (i) => subscribe(`${i}`, `{ ${'x'.repeat(59_000)} }`)],
  ['errors that repeat a long id', (i) => subscribe(`${i}`.padEnd(128, 'i'), `{ nothing${i} }`)],
];

test.each(UNREAD)('S6a: %s whose answers are not read use bounded memory', async (_what, text) => {
  const before = await peakMemory(service.pid);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => new RawSocket(service.url).ready()));
  for (const { socket } of sockets) socket.pause();
  for (const { socket } of sockets) for (let i = 0; i < 400; i += 1) socket.send(text(i));
  for (let i = 0; i < 20; i += 1) expect(await honest()).toBe(200);
  expect((await peakMemory(service.pid)) - before).toBeLessThan(100 * MIB);
  for (const { socket } of sockets) socket.terminate();
});

test('S9d: pipelined requests are answered in order, some at a time, and too many cut the connection', async () => {
  const port = Number(new URL(service.url).port);
  const ask = (count: number): Promise<number> =>
    new Promise((resolve) => {
      const request = `GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      const last = `GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(request.repeat(count - 1) + last));
      socket.on('data', (bytes) => {
        text += bytes.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text.split('"__typename"').length - 1));
    });
  expect(await ask(100)).toBe(100);
  const flooded = Promise.all([ask(20_000), ask(20_000)]);
  for (let i = 0; i < 3; i += 1) expect(await honest()).toBe(200);
  for (const answered of await flooded) expect(answered).toBeLessThan(20_000);
});

test('S6c: the number of sockets of one address is bounded: one more gets 429, and a socket again after one is closed', async () => {
  const sockets: RawSocket[] = [];
  onTestFinished(() => {
    for (const { socket } of sockets) socket.terminate();
  });
  for (let i = 0; i < LIMITS.socketsPerAddress; i += 100) {
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => new RawSocket(service.url).ready()))));
  }
  await expect(new RawSocket(service.url).opened()).rejects.toThrow('429');
  expect(await honest()).toBe(200);
  sockets[0]?.socket.terminate();
  await expect
    .poll(
      () =>
        new RawSocket(service.url).opened().then(
          (socket) => {
            sockets.push(socket);
            return true;
          },
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
});
