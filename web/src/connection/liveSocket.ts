/** The WebSocket of a page: it is found dead by pings, and at once after a sleep. */
import { type Client, createClient } from 'graphql-ws';

export interface LiveSocketOptions {
  /** Of the GraphQL endpoint. */
  readonly url: string;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Called before each connection is opened. */
  readonly onConnecting: () => void;
  /** Called when the socket is open; it can still be refused. */
  readonly onOpened: () => void;
  readonly onClosed: (code: number) => void;
}
export interface LiveSocket {
  readonly client: Client;
  /** Closes the connection, unless the service answers soon. Does nothing without a connection. */
  readonly probe: () => void;
}

/** The longest time between two pings, ms. */
const PING_MS = 12_000;
/** A connection is dead when the answer to a ping takes longer, ms. */
const PONG_MS = 5000;
/** A service that does not answer the first message within this time is behind something that blocks messages, ms. */
const ACK_MS = 15_000;

const PING = JSON.stringify({ type: 'ping' });

export const liveSocket = ({ url, headers, onConnecting, onOpened, onClosed }: LiveSocketOptions): LiveSocket => {
  let socket: WebSocket | null = null;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  const expectPong = (): void => {
    pongTimer ??= setTimeout(() => client.terminate(), PONG_MS);
  };
  const stopTimer = (): void => {
    clearTimeout(pongTimer);
    pongTimer = undefined;
  };
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    retryAttempts: 0,
    keepAlive: PING_MS,
    connectionAckWaitTimeout: ACK_MS,
    connectionParams: headers,
    on: {
      connecting: onConnecting,
      opened: onOpened,
      connected: (connected) => {
        if (connected instanceof WebSocket) socket = connected;
      },
      closed: (event) => {
        socket = null;
        stopTimer();
        onClosed((event as { readonly code?: number } | null)?.code ?? 1006);
      },
      ping: (received) => {
        if (!received) expectPong();
      },
      // Any answer counts, also one to an earlier ping.
      pong: (received) => {
        if (received) stopTimer();
      },
    },
  });
  const probe = (): void => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(PING);
    expectPong();
  };
  return { client, probe };
};
