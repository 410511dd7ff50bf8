/** The WebSockets of /graphql: connects ws with graphql-ws. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import { CloseCode, handleProtocols, MessageType, type Server } from 'graphql-ws';
import type { Logger } from 'pino';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Backlog } from '../../delivery/sinks/backlog.ts';
import { Outbox } from '../../delivery/sinks/webSocketSink.ts';
import { CLIENT_LEFT } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { mayLoseNumbers, parseExactJson } from '../../domain/text/exactJson.ts';
import { formatError } from '../../graphql/server/errorMask.ts';
import type { ClientLimits } from '../../limits/clientLimits.ts';
import { clientOf } from '../../limits/who.ts';
import { peerOf } from '../../system/network.ts';
import type { HttpError } from '../exchange/respond.ts';
import { readClientMessage } from './clientMessage.ts';
import { Inbox } from './inbox.ts';
import { type KeepAliveOptions, keepAlive } from './keepAlive.ts';
import { type BegunOperation, isInUse, limitError, type SocketExtra } from './operations.ts';
import { PacedInput } from './pacedInput.ts';
import { Tally, type TallyBounds } from './tally.ts';

/** Close codes of RFC 6455, 7.4.1. */
const NORMAL = 1000;
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;
/** graphql-ws also uses it for a second connection_init. */
const TOO_MANY_MESSAGES = CloseCode.TooManyInitialisationRequests;
/** How long a client can take to answer a close frame. */
const CLOSE_WAIT_MS = 2000;
/** Longest reason of a close frame, UTF-8 bytes (RFC 6455, 5.5), and where a longer one is cut: a character that is cut in two becomes U+FFFD, three bytes. */
const REASON_BYTES = 123;
const CUT_REASON_BYTES = 119;

export interface WebSocketOptions {
  readonly operations: Server<SocketExtra>;
  readonly logger: Logger;
  readonly keepAlive: KeepAliveOptions;
  readonly backlog: Backlog;
  readonly bounds: TallyBounds;
  readonly limits?: ClientLimits | undefined;
  /** Answers an upgrade that is refused. */
  refuse(socket: Duplex, error: HttpError): void;
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
    this.#server.on('wsClientError', ({ message }, socket) => {
      const text = `${message}. Use a WebSocket client (RFC 6455, version 13).`;
      options.refuse(socket, { status: 400, code: 'BAD_REQUEST', message: text });
    });
  }

  /** Completes the upgrade. Returns the bound that is reached, or null. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): keyof TallyBounds | null {
    const address = peerOf(request.socket);
    const full = this.#tally.full(address);
    if (full !== null) return full;
    this.#tally.add(address);
    socket.once('close', () => this.#tally.remove(address));
    this.#server.handleUpgrade(request, socket, head, (client) => this.#serve(client, socket, request));
    return null;
  }

  /** Closes every WebSocket with 1001, and cuts those that do not answer. Nothing else is sent. */
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
      client: clientOf(address, null),
      headers: request.headers,
      variables: null,
      outbox: new Outbox(client, socket, this.#options.backlog.for(request.socket)),
      address,
      closed: gone.signal,
      begun: new Map(),
      close: ({ code, reason }) => close(client, code, reason),
    };
    const { send } = extra.outbox;
    // Without a listener, an error (a frame that violates RFC 6455, a reset) would end the process. ws closes by itself.
    client.on('error', (error) => logger.debug({ err: error }, 'WebSocket failed'));
    boundPayload(client, LIMITS.earlyMessageBytes);
    const closed = operations.opened(
      {
        protocol: client.protocol,
        send,
        close: (code = NORMAL, reason = '') => close(client, code, reason),
        onMessage: (handle) => this.#receive(client, extra, handle),
      },
      extra,
    );
    pace(client, request.socket);
    keepAlive(client, this.#options.keepAlive);
    client.once('close', (code, reason) => {
      gone.abort(CLIENT_LEFT);
      for (const { left } of extra.begun.values()) left.abort(CLIENT_LEFT);
      closed(code, reason.toString()).catch((error) =>
        logger.error({ err: error }, 'could not clean up after a WebSocket'),
      );
    });
  }

  /** Passes the messages of a WebSocket to graphql-ws, one at a time. */
  #receive(client: WebSocket, extra: SocketExtra, handle: (text: string) => Promise<void>): void {
    const { logger } = this.#options;
    const inbox = new Inbox({
      client,
      address: extra.client.address,
      taken: extra.outbox.taken,
      handle: (bytes) =>
        this.#handle(bytes, client, extra, handle).catch((error: unknown) => {
          logger.error({ err: error, id: randomUUID() }, 'could not handle a WebSocket message');
          close(client, CloseCode.InternalServerError, 'Internal server error');
        }),
      waitMs: (bytes) => this.#options.limits?.message(extra.client, bytes) ?? 0,
      tooMany: (seconds) => close(client, TOO_MANY_MESSAGES, `Too many messages: retry after ${seconds} s`),
    });
    client.on('message', (bytes, isBinary) => {
      if (isBinary) close(client, CloseCode.BadRequest, 'Invalid message received: binary');
      else inbox.take(bufferOf(bytes));
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
    // The end of a completed operation must not be taken for the end of a later one with the same id.
    for (let one = completedOf(extra, id); one !== null; one = completedOf(extra, id)) await one.over;
    extra.variables = exactVariables(text);
    if (type === MessageType.Complete && id !== null) extra.begun.get(id)?.left.abort(CLIENT_LEFT);
    if (type === MessageType.Subscribe && id !== null) await begin(extra, id, () => handle(withQuery(text)));
    else await handle(withQuery(text));
    if (message.type === MessageType.ConnectionInit) boundPayload(client, LIMITS.bodyBytes);
  }
}

/** The operation with this id, if its client has completed it and it has not ended yet. */
const completedOf = ({ begun }: SocketExtra, id: string | null): BegunOperation | null => {
  const operation = id === null ? undefined : begun.get(id);
  return operation?.left.signal.aborted ? operation : null;
};

/** Handles a `subscribe` message. The operation can be given up until everything that it started has ended. */
const begin = async ({ begun, closed }: SocketExtra, id: string, handle: () => Promise<void>): Promise<void> => {
  // A second operation with the same id closes the WebSocket.
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

/** Closes with a reason of any length, and cuts a client that does not answer. */
const close = (client: WebSocket, code: number, reason: string): void => {
  const bytes = Buffer.from(reason);
  client.close(code, bytes.length > REASON_BYTES ? bytes.subarray(0, CUT_REASON_BYTES).toString() : reason);
  // The client's close frame must be read.
  if (client.isPaused) client.resume();
  const timer = setTimeout(() => client.terminate(), CLOSE_WAIT_MS);
  client.once('close', () => clearTimeout(timer));
};

/** Passes the frames of a WebSocket to ws in small parts, and nothing while the inbox is working: it pauses the socket. */
const pace = (client: WebSocket, socket: Socket): void => {
  const receiver = receiverOf(client);
  if (receiver === undefined) return;
  new PacedInput({ socket, isFull: () => false, isDone: () => !receiver.writable });
};

/** The parser of frames, which ws does not declare. */
const receiverOf = (client: WebSocket): (Writable & { _maxPayload: number }) | undefined =>
  (client as WebSocket & { readonly _receiver?: Writable & { _maxPayload: number } })._receiver;

/** Bounds each message from now on. ws has only one bound for all of its WebSockets, so this sets an undeclared member. */
const boundPayload = (client: WebSocket, bytes: number): void => {
  const receiver = receiverOf(client);
  if (receiver !== undefined) receiver._maxPayload = bytes;
};

const bufferOf = (bytes: RawData): Buffer => {
  if (Array.isArray(bytes)) return Buffer.concat(bytes);
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
};

/** Variables with exact numbers; null if JSON.parse, which graphql-ws uses, does not change them. */
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

/** graphql-ws requires a string as `query`; a request that names a persisted document has none. */
const withQuery = (text: string): string => {
  if (text.includes('"query"') || !/"(?:documentId|persistedQuery)"/.test(text)) return text;
  const message = JSON.parse(text) as { readonly payload?: unknown };
  const { payload } = message;
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    ? JSON.stringify({ ...message, payload: { query: '', ...payload } })
    : text;
};

/** Refuses the operation of a message over the limit. The WebSocket and its other operations stay. */
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
