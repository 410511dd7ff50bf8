/** Progress of a socket's writes, and how to cut a socket. */
import type { Socket } from 'node:net';

/** How much the kernel has taken. One of the two numbers changes with each byte that it takes. */
export interface Taken {
  /** Bytes of finished writes. */
  readonly written: number;
  /** Bytes of the present write that libuv still holds. */
  readonly queued: number;
}

/** `queued` is internal to Node. Without it, a large write would show no progress until it is finished. */
export const takenOf = (socket: Socket): Taken => {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return { written: socket.bytesWritten - socket.writableLength, queued: handle?.writeQueueSize ?? 0 };
};

/** Cuts the connection. An orderly close would wait behind bytes in the kernel, some MB, for minutes. */
export const reset = (socket: Socket): void => {
  socket.resetAndDestroy();
  // Without this it waits for pending writes.
  socket.destroy();
};
