/** Sockets of /graphql: the thin part between ws and the protocol's server. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, MessageType, type Server } from 'graphql-ws';
import type { Logger } from 'pino';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Backlog } from '../../delivery/sinks/backlog.ts';
import { Outbox } from '../../delivery/sinks/webSocketSink.ts';
import { LIMITS } from '../../domain/limits.ts';
import { mayLoseNumbers, parseExactJson } from '../../domain/text/exactJson.ts';
import { formatError } from '../../graphql/server/errorMask.ts';
import { readClientMessage } from './clientMessage.ts';
import { Inbox } from './inbox.ts';
import { type KeepAliveOptions, keepAlive } from './keepAlive.ts';
import { type BegunOperation, isInUse, limitError, type SocketExtra } from './operations.ts';
import { Tally, type TallyBounds } from './tally.ts';

/** Close codes of RFC 6455, 7.4.1. */
const NORMAL = 1000;
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;
/** graphql-ws' code for a second connection_init too: in both cases a client asks for too much. */
const TOO_MANY_MESSAGES = CloseCode.TooManyInitialisationRequests;
/** How long a client may take to answer the close. */
const CLOSE_WAIT_MS = 2000;
/** A close's reason, bytes of UTF-8 (RFC 6455, 5.5); cut here it ends at most three bytes later. */
const REASON_BYTES = 123;
const CUT_REASON_BYTES = 119;

export interface WebSocketOptions {
  readonly operations: Server<SocketExtra>;
  readonly logger: Logger;
  readonly keepAlive: KeepAliveOptions;
  readonly backlog: Backlog;
  readonly bounds: TallyBounds;
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
  readonly #tally: Tally;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#tally = new Tally(options.bounds);
  }

  /** Completes the upgrade of a request that may pass; answers which bound is reached, where one is. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): keyof TallyBounds | null {
    const address = request.socket.remoteAddress ?? '';
    const full = this.#tally.full(address);
    if (full !== null) return full;
    this.#tally.add(address);
    socket.once('close', () => this.#tally.remove(address));
    this.#server.handleUpgrade(request, socket, head, (client) => this.#serve(client, socket, request));
    return null;
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

  #serve(client: WebSocket, socket: Duplex, request: IncomingMessage): void {
    const address = request.socket.remoteAddress ?? '';
    const { operations, logger } = this.#options;
    const gone = new AbortController();
    const extra: SocketExtra = {
      context: null,
      caller: null,
      headers: request.headers,
      variables: null,
      outbox: new Outbox(client, socket, this.#options.backlog.for(request.socket)),
      address,
      closed: gone.signal,
      begun: new Map(),
    };
    const { send, taken } = extra.outbox;
    // Without a listener an error (a frame that breaks RFC 6455, a reset) would end the process; ws closes by itself.
    client.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
    boundPayload(client, LIMITS.earlyMessageBytes);
    const closed = operations.opened(
      {
        protocol: client.protocol,
        send,
        close: (code = NORMAL, reason = '') => close(client, code, reason),
        onMessage: (handle) => {
          const inbox = new Inbox({
            client,
            address,
            taken,
            handle: (bytes) =>
              this.#handle(bytes, client, extra, handle).catch((error: unknown) => {
                logger.error({ err: error, id: randomUUID() }, 'a WebSocket message was not handled');
                close(client, CloseCode.InternalServerError, 'Internal server error');
              }),
            tooMany: () => close(client, TOO_MANY_MESSAGES, 'Too many messages'),
          });
          client.on('message', (bytes, isBinary) => {
            if (isBinary) close(client, CloseCode.BadRequest, 'Invalid message received: it is binary');
            else inbox.take(bufferOf(bytes));
          });
        },
      },
      extra,
    );
    keepAlive(client, this.#options.keepAlive);
    client.once('close', (code, reason) => {
      gone.abort();
      for (const { left } of extra.begun.values()) left.abort();
      closed(code, reason.toString()).catch((error) => logger.error({ err: error }, 'a WebSocket was not cleaned up'));
    });
  }

  async #handle(
    bytes: Buffer,
    client: WebSocket,
    extra: SocketExtra,
    handle: (text: string) => Promise<void>,
  ): Promise<void> {
    const text = bytes.toString();
    const acknowledged = extra.context?.acknowledged === true;
    const message = readClientMessage(text, acknowledged);
    if (message.close !== null) return close(client, message.close.code, message.close.reason);
    if (bytes.length > LIMITS.messageBytes) return await refuseLarge(message, client, extra);
    const { type, id } = message;
    // The end of an operation that its client completed must not be taken for that of another with its id.
    for (let one = completedOf(extra, id); one !== null; one = completedOf(extra, id)) await one.over;
    extra.variables = exactVariables(text);
    if (type === MessageType.Complete && id !== null) extra.begun.get(id)?.left.abort();
    if (type === MessageType.Subscribe && id !== null) await begin(extra, id, () => handle(withQuery(text)));
    else await handle(withQuery(text));
    if (message.type === MessageType.ConnectionInit) boundPayload(client, LIMITS.bodyBytes);
  }
}

/** What is still being done for an operation that its client has completed. */
const completedOf = ({ begun }: SocketExtra, id: string | null): BegunOperation | null => {
  const operation = id === null ? undefined : begun.get(id);
  return operation?.left.signal.aborted ? operation : null;
};

/** Handles the message of an operation, which can be given up until all is over. */
const begin = async ({ begun, closed }: SocketExtra, id: string, handle: () => Promise<void>): Promise<void> => {
  // A second one under the same id closes the socket.
  if (begun.has(id) || closed.aborted) return await handle();
  const { promise: over, resolve } = Promise.withResolvers<void>();
  begun.set(id, { left: new AbortController(), over });
  try {
    await handle();
  } finally {
    begun.delete(id);
    resolve();
  }
};

/** As ws' own, for a reason of any length; a client that does not answer is cut. */
const close = (client: WebSocket, code: number, reason: string): void => {
  const bytes = Buffer.from(reason);
  client.close(code, bytes.length > REASON_BYTES ? bytes.subarray(0, CUT_REASON_BYTES).toString() : reason);
  // The client's answer is to be read.
  if (client.isPaused) client.resume();
  const timer = setTimeout(() => client.terminate(), CLOSE_WAIT_MS);
  client.once('close', () => clearTimeout(timer));
};

/** Of each message from now on; ws, which has one bound for all of its sockets, does not show it in its types. */
const boundPayload = (client: WebSocket, bytes: number): void => {
  const { _receiver: receiver } = client as WebSocket & { readonly _receiver?: { _maxPayload: number } };
  if (receiver !== undefined) receiver._maxPayload = bytes;
};

const bufferOf = (bytes: RawData): Buffer => {
  if (Array.isArray(bytes)) return Buffer.concat(bytes);
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
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

/** graphql-ws demands a text as `query`; a request that names a persisted document has none. */
const withQuery = (text: string): string => {
  if (text.includes('"query"') || !/"(?:documentId|persistedQuery)"/.test(text)) return text;
  const message = JSON.parse(text) as { readonly payload?: unknown };
  const { payload } = message;
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    ? JSON.stringify({ ...message, payload: { query: '', ...payload } })
    : text;
};

/** A message over the limit: its operation is refused, and the socket with its other operations stays. */
const refuseLarge = async (
  { type, id }: { readonly type: MessageType; readonly id: string | null },
  client: WebSocket,
  extra: SocketExtra,
): Promise<void> => {
  if (type !== MessageType.Subscribe || id === null) return close(client, MESSAGE_TOO_BIG, 'Message too big');
  if (isInUse(extra, id)) return close(client, CloseCode.SubscriberAlreadyExists, 'Subscriber already exists');
  const error = limitError(`The message is too large: at most ${LIMITS.messageBytes} bytes.`);
  await extra.outbox.send(JSON.stringify({ id, type: MessageType.Error, payload: [formatError(error)] }));
};
