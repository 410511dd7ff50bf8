/** Finds clients that are gone, and does not cut clients that are only slow. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { reset, type Taken, takenOf } from '../../system/socketProgress.ts';

export interface KeepAliveOptions {
  /** Time between two pings, ms. */
  readonly pingMs: number;
  /** A connection without any progress for this long is cut, ms. */
  readonly stalledMs: number;
}

export const KEEP_ALIVE: KeepAliveOptions = { pingMs: 12_000, stalledMs: 60_000 };

/**
 * A ping waits behind the bytes that the kernel still holds for the client. These can be some MB; the kernel does not say
 * how many. So a pong can take as long as these bytes take at this speed. A slower client counts as gone.
 */
const SLOWEST_BYTES_PER_MS = 8;
/** More than a kernel holds for one connection. */
const KERNEL_BYTES = 4 * 1024 * 1024;

/** Number of checks during `stalledMs`; a stalled client is found at most one check late. */
const LOOKS = 20;

/** What is being sent to a client. */
export interface Sending {
  /** Null if its turn has not come yet, or it is complete. */
  readonly socket: () => Socket | null;
  /** Bytes that wait in the buffers of this process. */
  readonly waiting: () => number;
}

/**
 * Cuts a client once the kernel has taken none of its waiting bytes for `stalledMs`. (Node's own socket timeout takes up
 * to twice that time during a write.) It counts checks instead of time, so that no client seems stalled after the process
 * was suspended. Call the returned function to end the watch.
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
 * Pings the client and cuts it when there is no progress: while data waits, if the kernel takes none of it; otherwise, if
 * no pong arrives.
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

/** ws does not declare its socket in its types. Without it, only missing pongs show a stalled client. */
export const socketOf = (client: WebSocket): Socket | null =>
  (client as WebSocket & { readonly _socket?: Socket })._socket ?? null;
