/**
 * If clients do not read their answers, the waiting bytes are bounded, these clients are cut off, and others are
 * served.
 */
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startRun } from '../support/clients/client.ts';
import { peakMemory } from '../support/memory.ts';
import { startService, type TestService } from '../support/service.ts';

const MIB = 1024 * 1024;
let service: TestService;
let runId: string;
const sockets: Socket[] = [];

const post = (query: string): Promise<Response> =>
  fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });

beforeAll(async () => {
  service = await startService();
  const line = `head -c 800 /dev/zero | tr '\\0' x`;
  runId = await startRun(service.url, { command: ['sh', '-c', `L=$(${line}); yes "$L" | head -n 20000`] });
  await vi.waitFor(
    async () => {
      const { data } = (await (await post(`{ run(id: "${runId}") { status } }`)).json()) as {
        data: { run: { status: string } };
      };
      expect(data.run.status).toBe('COMPLETED');
    },
    { timeout: 60_000, interval: 200 },
  );
}, 90_000);
afterAll(() => service.stop());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Connections that send this request and never read. */
const unread = async (count: number, request: string): Promise<readonly Socket[]> => {
  const { port } = new URL(service.url);
  const opened = Array.from({ length: count }, () => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' }, () => socket.write(request));
    socket.pause();
    socket.on('error', () => undefined);
    sockets.push(socket);
    return new Promise<Socket>((resolve) => socket.once('connect', () => resolve(socket)));
  });
  return await Promise.all(opened);
};

/** About 16 MB. */
const PAGES = (): string =>
  `{ run(id: "${runId}") { ${['a', 'b', 'c', 'd'].map((name, i) => `${name}: logs(first: 5000, after: ${i * 5000}) { events { seq ... on LogLine { message } } }`).join(' ')} } }`;
const pagesRequest = (): string => {
  const body = JSON.stringify({ query: PAGES() });
  return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};

test('150 connections that request the GraphiQL page uncompressed and read nothing use less than 200 MB', async () => {
  const page = await fetch(`${service.url}/graphql`, {
    headers: { accept: 'text/html', 'accept-encoding': 'identity' },
  });
  expect((await page.arrayBuffer()).byteLength).toBeGreaterThan(5 * MIB);
  const before = await peakMemory(service.pid);
  await unread(150, 'GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n');
  for (let i = 0; i < 20; i += 1) expect((await post('{ __typename }')).status).toBe(200);
  const again = await fetch(`${service.url}/graphql`, {
    headers: { accept: 'text/html', 'accept-encoding': 'identity' },
  });
  expect((await again.arrayBuffer()).byteLength).toBeGreaterThan(5 * MIB);
  expect((await peakMemory(service.pid)) - before).toBeLessThan(200 * MIB);
});

test('S9, S9a: 40 connections that ask for 16 MB of a log and read nothing use bounded memory; a client that reads is served in the end', async () => {
  const whole = await (await post(PAGES())).arrayBuffer();
  expect(whole.byteLength).toBeGreaterThan(10 * MIB);
  await unread(40, pagesRequest());
  await expect
    .poll(
      async () => {
        const response = await post(PAGES());
        const { byteLength } = await response.arrayBuffer();
        return [response.status, byteLength];
      },
      { timeout: 50_000, interval: 500 },
    )
    .toEqual([200, whole.byteLength]);
  expect(await peakMemory(service.pid)).toBeLessThan(700 * MIB);
});
