/** Finds sockets whose other end is gone, and leaves alone those that are merely slow. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { reset, type Taken, takenOf } from '../../system/socketProgress.ts';

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

/** Looks in the time after which a client counts as stalled; it is found one look late at most. */
const LOOKS = 20;

/** What is sent to a client. */
export interface Sending {
  /** Null: its turn has not come yet, or it is over. */
  readonly socket: () => Socket | null;
  /** Bytes that wait here, in whatever buffer. */
  readonly waiting: () => number;
}

/**
 * Cuts a client once the kernel has taken nothing for `stalledMs` of what waits for it. (Node's own socket timeout
 * needs up to twice the time while a write is under way.) Looks are counted and not time, so a process that was
 * stopped for a while finds nobody stalled. The returned function ends the watch.
 */
export const cutStalled = ({ socket, waiting }: Sending, stalledMs: number): (() => void) => {
  let before: Taken | null = null;
  let still = 0;
  const timer = setInterval(() => {
    const there = socket();
    const taken = there === null || waiting() === 0 ? null : takenOf(there);
    const same = taken !== null && taken.written === before?.written && taken.queued === before.queued;
    still = same ? still + 1 : 0;
    before = taken;
    if (there !== null && still >= LOOKS) reset(there);
  }, stalledMs / LOOKS);
  return () => clearInterval(timer);
};

/**
 * Pings the client and cuts it when nothing moves: while data waits here, that the kernel takes none of it;
 * otherwise, that no answer comes.
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
  const watched = cutStalled({ socket: () => socket, waiting: () => client.bufferedAmount }, stalledMs);
  const timer = setInterval(() => {
    if (client.readyState !== client.OPEN || client.bufferedAmount > 0) return;
    const underway = Math.min((socket?.bytesWritten ?? 0) - bytesWhenHeard, KERNEL_BYTES);
    if (Date.now() - heardAt > stalledMs + underway / SLOWEST_BYTES_PER_MS) cut(client);
    else client.ping();
  }, pingMs);
  client.once('close', () => {
    clearInterval(timer);
    watched();
  });
};

const cut = (client: WebSocket): void => {
  const socket = socketOf(client);
  if (socket === null) client.terminate();
  else reset(socket);
};

/** ws does not show its socket in its types; without it a stalled client is found by its missing pong alone. */
export const socketOf = (client: WebSocket): Socket | null =>
  (client as WebSocket & { readonly _socket?: Socket })._socket ?? null;
