/** A TCP port in front of a service, so that a test can cut its connections or move the service. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface LinkProxy extends AsyncDisposable {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** Connections that were cut so far. */
  readonly cuts: () => number;
  /** Ends every connection without a close handshake. */
  cut(): void;
  /** Carries no byte over the present connections any more, and closes none: as if the machine had slept. */
  stall(): void;
  /** Whether requests for a WebSocket are answered with 403 from now on, as some company networks do. */
  refuseWebSockets(refuse: boolean): void;
  /** Target of new connections from now on; null: they are closed at once. */
  target(url: string | null): void;
}

const UPGRADE = /\r\nupgrade: *websocket\r\n/i;

export const startLinkProxy = async (first: string): Promise<LinkProxy> => {
  const sockets = new Set<Socket>();
  let target: string | null = first;
  let cuts = 0;
  let refusing = false;
  const server = createServer((client) => {
    if (target === null) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(new URL(target).port), '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    upstream.pipe(client);
    // A WebSocket begins on a connection of its own, with its first bytes.
    client.once('data', (first: Buffer) => {
      if (refusing && UPGRADE.test(first.toString('latin1'))) {
        client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      }
      upstream.write(first);
      client.pipe(upstream);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) {
      cuts += 1;
      socket.destroy();
    }
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts / 2,
    cut,
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    refuseWebSockets: (refuse) => {
      refusing = refuse;
    },
    target: (url) => {
      target = url;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
