/** Rival A: a bare forwarder, as one would first write it: each published line goes to each socket as one message. */
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';

const subscriber = new Redis(process.env.REDIS_URL?.replace('unix://', '') ?? '');
const viewers = new Map<string, Set<WebSocket>>();

subscriber.on('message', (channel, message) => {
  for (const viewer of viewers.get(channel) ?? []) viewer.send(message);
});

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket, request) => {
  const channel = (request.url ?? '/').slice(1);
  const others = viewers.get(channel) ?? new Set();
  viewers.set(channel, others.add(socket));
  if (others.size === 1) void subscriber.subscribe(channel);
  socket.on('close', () => others.delete(socket));
});
server.once('listening', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
