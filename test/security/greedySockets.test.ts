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

const portOf = ({ url }: TestService): number => Number(new URL(url).port);

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
    const begun = performance.now();
    const socket = await new RawSocket(service.url).ready();
    flood(
      socket,
      Array.from({ length: count }, (_, i) => text(i)),
    );
    // Each honest request is answered before the flood is processed, in turn with its messages.
    for (let i = 0; i < 3; i += 1) expect(await honest()).toBe(200);
    expect((await socket.closed).code).toBe(4429);
    const seconds = (performance.now() - begun) / 1000;
    // And the acknowledgement, and one message whose permit was refilled while the answer was on its way.
    expect(socket.messages.length).toBeLessThan(LIMITS.messageBurst + LIMITS.messagesPerSecond * seconds + 2);
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

/** A request of its own number, in one of the ways that a client can send it. */
const pipelined = (i: number, ways: number, more = ''): string => {
  const query = `{ a${i}: __typename }`;
  const head = `Host: localhost\r\n${more}`;
  if (i % ways === 0) return `GET /graphql?query=${encodeURIComponent(query)} HTTP/1.1\r\n${head}\r\n`;
  if (i % ways === 1) return `GET /health/live?${i} HTTP/1.1\r\n${head}\r\n`;
  const body = JSON.stringify({ query, variables: { pad: 'x'.repeat(i % ways === 2 ? 0 : 5000) } });
  return `POST /graphql HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

test.each([
  ['queries', 1],
  ['queries, probes, and bodies of all sizes', 4],
])('S9d: thousands of pipelined %s are answered in order, and others are answered meanwhile', async (_what, ways) => {
  const ask = (count: number): Promise<number[]> =>
    new Promise((resolve) => {
      const requests = Array.from({ length: count - 1 }, (_, i) => pipelined(i, ways));
      const last = pipelined(count - (count % ways), ways, 'Connection: close\r\n');
      let text = '';
      const socket = connect(portOf(service), '127.0.0.1', () => socket.write(requests.join('') + last));
      socket.on('data', (bytes) => {
        text += bytes.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve([...text.matchAll(/"a(\d+)":"Query"|HTTP/g)].map(([, n]) => Number(n ?? -1))));
    });
  const flooded = Promise.all([ask(2000), ask(2000)]);
  for (let i = 0; i < 3; i += 1) expect(await honest()).toBe(200);
  for (const found of await flooded) {
    expect(found.filter((n) => n < 0)).toHaveLength(2000);
    const numbers = found.filter((n) => n >= 0);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeGreaterThanOrEqual((2000 / ways) * Math.max(1, ways - 1));
  }
});

test('S6a: messages that are written together with the request of a WebSocket are all answered, in order', async () => {
  const socket = connect(portOf(service), '127.0.0.1');
  const upgrade =
    'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n';
  const messages = [
    '{"type":"connection_init"}',
    ...Array.from({ length: 100 }, (_, i) => `{"type":"ping","payload":{"n":${i}}}`),
  ];
  socket.write(Buffer.concat([Buffer.from(upgrade), ...messages.map(maskedFrame)]));
  let text = '';
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', () => reject(new Error(`closed after ${text}`)));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.includes('{"n":99}')) resolve();
    });
  });
  socket.removeAllListeners('close').destroy();
  expect(text).toMatch(/^HTTP\/1.1 101.*connection_ack/s);
  expect(text.match(/(?<="n":)\d+/g)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
});

/** A text frame as clients send it (RFC 6455, 5.2), with a mask of zeros. */
const maskedFrame = (text: string): Buffer =>
  Buffer.concat([Buffer.of(0x81, 0x80 | text.length, 0, 0, 0, 0), Buffer.from(text)]);

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
