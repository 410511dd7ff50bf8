/** Finds sockets whose other end is gone, and leaves alone those that are merely slow. */
import type { WebSocket } from 'ws';

export interface KeepAliveOptions {
  /** Between two looks, and between a pong and the next ping. */
  readonly pingMs: number;
  /** A socket without any progress for so long is cut. */
  readonly stalledMs: number;
}

export const KEEP_ALIVE: KeepAliveOptions = { pingMs: 12_000, stalledMs: 60_000 };

/**
 * A ping waits behind what the kernel still holds for the client (some MB), and the kernel does not say how
 * much that is. So an answer may take as long as those bytes take at this speed; slower counts as gone.
 */
const SLOWEST_BYTES_PER_MS = 8;
/** More than a kernel holds for one socket. */
const KERNEL_BYTES = 4 * 1024 * 1024;

/**
 * Pings the client and cuts it when nothing moves: while data waits here, that the kernel takes none of it
 * (Node's socket timeout, which looks at a write under way); otherwise, that no answer comes.
 */
export const keepAlive = (client: WebSocket, { pingMs, stalledMs }: KeepAliveOptions): void => {
  const socket = socketOf(client);
  let heardAt = Date.now();
  let bytesWhenHeard = socket?.bytesWritten ?? 0;
  const heard = (): void => {
    heardAt = Date.now();
    bytesWhenHeard = socket?.bytesWritten ?? 0;
  };
  client.on('pong', heard);
  client.on('message', heard);
  socket?.setTimeout(stalledMs, () => {
    if (client.bufferedAmount > 0) cut(client);
  });
  const timer = setInterval(() => {
    if (client.readyState !== client.OPEN || client.bufferedAmount > 0) return;
    const underway = Math.min((socket?.bytesWritten ?? 0) - bytesWhenHeard, KERNEL_BYTES);
    if (Date.now() - heardAt > stalledMs + underway / SLOWEST_BYTES_PER_MS) cut(client);
    else client.ping();
  }, pingMs);
  client.once('close', () => clearInterval(timer));
};

/** With a reset: an orderly close would wait behind what the kernel holds for it, some MB, and keep them for minutes. */
const cut = (client: WebSocket): void => {
  socketOf(client)?.resetAndDestroy();
  client.terminate();
};

/** ws does not show its socket in its types; without it a stalled client is found by its missing pong alone. */
export const socketOf = (client: WebSocket): import('node:net').Socket | null =>
  (client as WebSocket & { readonly _socket?: import('node:net').Socket })._socket ?? null;
