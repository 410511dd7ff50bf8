/** The condition under which one piece of memory can be sent to many WebSockets (PROTOCOL.md, J9; docs/decisions/0007). */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * Returns the socket. Memory is written into again as soon as `write` has returned with nothing left to write. That is
 * safe only if `write` hands the very bytes to the kernel: TLS and stream wrappers keep the buffer and read it later,
 * and compression would send bytes of its own between ours.
 * @throws Error for any other socket than a plain net.Socket, or a WebSocket with extensions
 */
export const plainSocket = (socket: Duplex, client: Pick<WebSocket, 'extensions'>): Socket => {
  // Subclasses (TLSSocket, Node's JSStreamSocket) write in their own way.
  if (!(socket instanceof Socket) || Object.getPrototypeOf(socket) !== Socket.prototype) {
    throw new Error(
      `WebSockets need a plain net.Socket here, not ${socket.constructor.name}. Terminate TLS in a proxy (PROTOCOL.md, J9).`,
    );
  }
  if (client.extensions !== '') {
    throw new Error(
      `WebSockets must have no extension, not "${client.extensions}". Set perMessageDeflate to false (PROTOCOL.md, J9).`,
    );
  }
  return socket;
};
