import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../../src/domain/limits.ts';
import { openHttp, RawSocket } from '../../support/clients/http.ts';

/** Connects from a loopback address. Resolves when the server has accepted or cut the connection. */
const connected = (
  port: number,
  localAddress: string,
): Promise<{ readonly socket: Socket; readonly cut: Promise<void> }> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => resolve({ socket, cut }));
    const cut = new Promise<void>((closed) => socket.once('close', () => closed()));
    socket.once('error', reject);
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
  });

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';

test('S6d: the number of sockets over all addresses is bounded: one more gets 503, and a socket again after one is closed', async () => {
  await using api = await openHttp({ maxSocketsPerAddress: 2, maxSockets: 3 });
  const open = (localAddress: string) => new RawSocket(api.url, { localAddress }).opened();
  const sockets = [await open('127.0.0.1'), await open('127.0.0.1'), await open('127.0.0.2')];
  onTestFinished(() => {
    for (const { socket } of sockets) socket.terminate();
  });
  await expect(open('127.0.0.1')).rejects.toThrow('429');
  await expect(open('127.0.0.2')).rejects.toThrow('503');
  await expect(open('127.0.0.3')).rejects.toThrow('503');
  const { socket } = await connected(api.port, '127.0.0.3');
  socket.write(`GET /graphql HTTP/1.1\r\nHost: localhost\r\n${UPGRADE}\r\n\r\n`);
  const refused = await text(socket);
  // This error is temporary, so it says when to try again, for programs and for proxies.
  expect(refused).toContain('"extensions":{"code":"LIMIT_EXCEEDED","retryAfterSeconds":2}');
  expect(refused).toContain('\r\nRetry-After: 2\r\n');
  sockets[0]?.socket.close();
  await sockets[0]?.closed;
  await expect
    .poll(() => open('127.0.0.3').then((socket) => sockets.push(socket), String), { timeout: 10_000 })
    .toBe(4);
});

test('S9e: a connection over the limit of its address is cut; those of other addresses are not', async () => {
  await using api = await openHttp({ maxSocketsPerAddress: 1 });
  const most = 1 + LIMITS.connectionsBesideSockets;
  const idle: Awaited<ReturnType<typeof connected>>[] = [];
  for (let i = 0; i < most; i += 1) idle.push(await connected(api.port, '127.0.0.2'));
  const beyond = await connected(api.port, '127.0.0.2');
  await beyond.cut;
  expect(idle.every(({ socket }) => !socket.destroyed)).toBe(true);
  expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
  // A closed connection makes room for another.
  idle[0]?.socket.destroy();
  await expect
    .poll(
      async () => {
        const { socket } = await connected(api.port, '127.0.0.2');
        socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
        return await new Promise<boolean>((resolve) => {
          socket.once('data', () => resolve(true));
          socket.once('close', () => resolve(false));
        });
      },
      { timeout: 10_000 },
    )
    .toBe(true);
});
