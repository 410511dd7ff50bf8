import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Backlog } from '../../../../src/delivery/sinks/backlog.ts';
import { LIMITS } from '../../../../src/domain/limits.ts';

const MIB = 1024 * 1024;

/** The server sides of `count` connections, whose clients do not read. */
const connections = async (count: number): Promise<readonly Socket[]> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const made: Socket[] = [];
  for (let i = 0; i < count; i += 1) {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    client.on('error', () => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => undefined);
    made.push(socket);
    onTestFinished(() => void client.destroy());
  }
  onTestFinished(() => {
    for (const socket of made) socket.destroy();
    server.close();
  });
  return made;
};

test('S9, S9b: unsent bytes are limited for a connection and for an address, and sent bytes free their room', async () => {
  const sockets = await connections(8);
  const [first, ...others] = sockets as [Socket, ...Socket[]];
  const backlog = new Backlog();
  const { hold } = backlog.for(first);
  const release = hold(0.6 * LIMITS.waitingPerConnection);
  expect(release).not.toBeNull();
  expect(hold(0.6 * LIMITS.waitingPerConnection)).toBeNull();
  release?.();
  release?.();
  expect(backlog.waiting).toBe(0);
  // The first answer can be larger than the limit.
  expect(hold(LIMITS.waitingPerConnection + MIB)).not.toBeNull();
  const held = others.map((socket) => backlog.for(socket).hold(30 * MIB)).filter((one) => one !== null);
  expect(held.length).toBe(Math.floor((LIMITS.waitingPerAddress - LIMITS.waitingPerConnection - MIB) / (30 * MIB)));
  expect(backlog.waiting).toBeLessThanOrEqual(LIMITS.waitingPerAddress);
});

test('S9g: what waits for all addresses of an IPv6 network counts together', async () => {
  const sockets = (await connections(4)) as [Socket, Socket, Socket, Socket];
  const [one, two, three, other] = sockets;
  const addresses = ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:ffff::3', '2001:db8:1:3::1'];
  // The machine has no such addresses.
  for (const [i, value] of addresses.entries()) Object.defineProperty(sockets[i], 'remoteAddress', { value });
  const backlog = new Backlog();
  const half = 0.5 * LIMITS.waitingPerAddress;
  expect(backlog.for(one).hold(half)).not.toBeNull();
  expect(backlog.for(two).hold(half)).not.toBeNull();
  expect(backlog.for(three).hold(half)).toBeNull();
  expect(backlog.for(other).hold(half)).not.toBeNull();
});

test('S9a: if others need the room, a client that reads nothing is disconnected, and a client that reads is not', async () => {
  const [stalled, reading, asking] = (await connections(3)) as [Socket, Socket, Socket];
  const backlog = new Backlog();
  const part = 0.4 * LIMITS.waitingPerAddress;
  const late = backlog.for(stalled).hold(part);
  backlog.for(reading).note(part);
  const timer = setInterval(() => reading.write('x'), 50);
  const { hold: ask } = backlog.for(asking);
  expect(ask(part)).toBeNull();
  expect(stalled.destroyed).toBe(false);
  await expect.poll(() => ask(part) !== null, { timeout: 20_000 }).toBe(true);
  clearInterval(timer);
  expect([stalled.destroyed, reading.destroyed]).toEqual([true, false]);
  late?.();
  expect(backlog.waiting).toBe(2 * part);
});
