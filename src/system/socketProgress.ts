/** How far a socket's bytes have come, and how a socket is cut. */
import type { Socket } from 'node:net';

/** How far the kernel has come; one of the two changes whenever it takes a byte. */
export interface Taken {
  /** Bytes of writes that are done. */
  readonly written: number;
  /** Bytes of the write under way that libuv still has. */
  readonly queued: number;
}

/** Node shows the second to nobody but itself; without it a large write moves only when it is done. */
export const takenOf = (socket: Socket): Taken => {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return { written: socket.bytesWritten - socket.writableLength, queued: handle?.writeQueueSize ?? 0 };
};

/** An orderly close would wait behind what the kernel holds for the client, some MB, and keep them for minutes. */
export const reset = (socket: Socket): void => {
  socket.resetAndDestroy();
  // By itself it waits for what is still to be written.
  socket.destroy();
};
