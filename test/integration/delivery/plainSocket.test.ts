import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Backlog } from '../../../src/delivery/sinks/backlog.ts';
import { plainSocket } from '../../../src/delivery/sinks/plainSocket.ts';
import { Outbox } from '../../../src/delivery/sinks/webSocketSink.ts';

/** The outbox that the server makes for a WebSocket, or the error that it throws. */
const accepted = async (perMessageDeflate: boolean): Promise<Outbox | Error> => {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const outbox = Promise.withResolvers<Outbox | Error>();
  server.once('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      try {
        outbox.resolve(new Outbox(client, socket, new Backlog().for(request.socket)));
      } catch (error) {
        outbox.resolve(error as Error);
      }
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    return await outbox.promise;
  } finally {
    client.on('error', () => undefined).terminate();
    server.close();
  }
};

test('J9: a WebSocket on a plain socket without compression can send from shared memory', async () => {
  expect(await accepted(false)).toBeInstanceOf(Outbox);
});

test('J9: a WebSocket with compression is refused with an error that says what to change', async () => {
  expect(await accepted(true)).toEqual(
    new Error(
      'WebSockets must have no extension, not "permessage-deflate". Set perMessageDeflate to false (PROTOCOL.md, J9).',
    ),
  );
});

test('J9: TLS and stream wrappers are refused: they keep the memory after a write has returned', () => {
  class Wrapped extends Socket {}
  for (const socket of [new TLSSocket(new Socket()), new Wrapped(), new Duplex()]) {
    expect(() => plainSocket(socket, { extensions: '' })).toThrow(
      `WebSockets need a plain net.Socket here, not ${socket.constructor.name}. Terminate TLS in a proxy`,
    );
    socket.destroy();
  }
});
