/** Sockets of /graphql: the thin part between ws and the protocol's server. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, MessageType, type Server } from 'graphql-ws';
import type { Logger } from 'pino';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { mayLoseNumbers, parseExactJson } from '../domain/exactJson.ts';
import { LIMITS } from '../domain/limits.ts';
import { formatError } from '../graphql/errors.ts';
import { type KeepAliveOptions, keepAlive } from './keepAlive.ts';
import { isInUse, limitError, type SocketExtra } from './operations.ts';
import { Outbox } from './outbox.ts';

/** Close codes of RFC 6455, 7.4.1. */
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;
/** How long a client may take to answer the close. */
const CLOSE_WAIT_MS = 2000;

export interface WebSocketOptions {
  readonly operations: Server<SocketExtra>;
  readonly logger: Logger;
  readonly keepAlive: KeepAliveOptions;
}

export class GraphqlSockets {
  readonly #options: WebSocketOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: LIMITS.bodyBytes,
    perMessageDeflate: false,
    clientTracking: true,
    handleProtocols,
  });

  constructor(options: WebSocketOptions) {
    this.#options = options;
  }

  /** Completes the upgrade of a request that may pass. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => this.#serve(client, socket));
  }

  /** Closes every socket with 1001; what does not answer is cut. Nothing is sent on them any more. */
  async close(): Promise<void> {
    const closed = [...this.#server.clients].map(
      (client) => new Promise<void>((resolve) => client.once('close', () => resolve())),
    );
    for (const client of this.#server.clients) client.close(GOING_AWAY, 'Going away');
    const timer = setTimeout(() => {
      for (const client of this.#server.clients) client.terminate();
    }, CLOSE_WAIT_MS);
    await Promise.all(closed);
    clearTimeout(timer);
    this.#server.close();
  }

  #serve(client: WebSocket, socket: Duplex): void {
    const { operations, logger } = this.#options;
    const gone = new AbortController();
    const outbox = new Outbox(client, socket);
    const extra: SocketExtra = { context: null, variables: null, outbox, closed: gone.signal };
    const { send } = extra.outbox;
    const failed = (error: unknown): void => {
      logger.error({ err: error, id: randomUUID() }, 'a WebSocket message was not handled');
      client.close(CloseCode.InternalServerError, 'Internal server error');
    };
    // Without a listener an error (a frame that breaks RFC 6455, a reset) would end the process; ws closes by itself.
    client.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
    const closed = operations.opened(
      {
        protocol: client.protocol,
        send,
        close: (code, reason) => client.close(code, reason),
        onMessage: (handle) => {
          client.on('message', (bytes) => {
            if (client.readyState !== client.OPEN) return;
            const text = textOf(bytes);
            extra.variables = exactVariables(text);
            const message = text.length > LIMITS.messageBytes || Buffer.byteLength(text) > LIMITS.messageBytes;
            (message ? refuseLarge(text, client, extra, send) : handle(text)).catch(failed);
          });
        },
      },
      extra,
    );
    keepAlive(client, this.#options.keepAlive);
    client.once('close', (code, reason) => {
      gone.abort();
      closed(code, reason.toString()).catch((error) => logger.error({ err: error }, 'a WebSocket was not cleaned up'));
    });
  }
}

const textOf = (bytes: RawData): string => {
  if (Array.isArray(bytes)) return Buffer.concat(bytes).toString();
  return Buffer.isBuffer(bytes) ? bytes.toString() : Buffer.from(bytes).toString();
};

/** graphql-ws parses messages with JSON.parse, and hands them on before it waits for anything. */
const exactVariables = (text: string): Readonly<Record<string, unknown>> | null => {
  if (text.length > LIMITS.messageBytes || !mayLoseNumbers(text)) return null;
  try {
    const message = parseExactJson(text) as { readonly payload?: { readonly variables?: unknown } } | null;
    const variables = message?.payload?.variables;
    return typeof variables === 'object' && !Array.isArray(variables) ? (variables as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

/** A message over the limit: its operation is refused, and the socket with its other operations stays. */
const refuseLarge = async (
  text: string,
  client: WebSocket,
  extra: SocketExtra,
  send: (text: string) => Promise<void>,
): Promise<void> => {
  const message = parseMessage(text);
  if (message === null) return client.close(CloseCode.BadRequest, 'Invalid message received');
  const { type, id } = message;
  if (type !== MessageType.Subscribe || typeof id !== 'string' || id === '' || id.length > MAX_ID_CHARACTERS) {
    return client.close(MESSAGE_TOO_BIG, 'Message too big');
  }
  if (extra.context?.acknowledged !== true) return client.close(CloseCode.Unauthorized, 'Unauthorized');
  if (isInUse(extra, id)) return client.close(CloseCode.SubscriberAlreadyExists, 'Subscriber already exists');
  const error = limitError(`The message is too large: at most ${LIMITS.messageBytes} bytes.`);
  await send(JSON.stringify({ id, type: MessageType.Error, payload: [formatError(error)] }));
};

/** An id that is repeated with every answer; clients make UUIDs. */
const MAX_ID_CHARACTERS = 1024;

const parseMessage = (text: string): { readonly type?: unknown; readonly id?: unknown } | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
};
