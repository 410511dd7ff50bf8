/**
 * The plain design, for comparison: SUBSCRIBE, then ws.send, with nothing stored. It gets the same announcements as the
 * service. Usage: node plainDesign.ts PORT REDIS_URL; ws://127.0.0.1:PORT/<channel>
 */
import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';
import { parseRedisUrl } from '../../../src/wire/redisUrl.ts';

const [port = '0', url = ''] = process.argv.slice(2);
const { socketPath, host, port: redisPort, username, password, db } = parseRedisUrl(url);
const redis = new Redis({
  ...(socketPath === null ? { host, port: redisPort } : { path: socketPath }),
  ...(username === null ? {} : { username }),
  ...(password === null ? {} : { password }),
  db,
  maxRetriesPerRequest: null,
});
redis.on('error', () => undefined);
const viewers = new Map<string, Set<WebSocket>>();
redis.on('messageBuffer', (channel: Buffer, message: Buffer) => {
  for (const viewer of viewers.get(channel.toString()) ?? []) viewer.send(message);
});
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port) });
server.on('connection', (viewer, request) => {
  const channel = decodeURIComponent(request.url?.slice(1) ?? '');
  const set = viewers.get(channel) ?? new Set();
  viewers.set(channel, set.add(viewer));
  redis.subscribe(channel).catch(() => undefined);
  viewer.on('error', () => undefined);
  viewer.on('close', () => set.delete(viewer));
});
process.on('SIGTERM', () => process.exit(0));
process.stdin.on('end', () => process.exit(0)).resume();
