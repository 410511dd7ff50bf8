/** The HTTP server: who may pass, which path goes where, and how it all ends. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Backlog } from '../delivery/sinks/backlog.ts';
import { LIMITS } from '../domain/limits.ts';
import { answering } from '../graphql/context/answering.ts';
import type { Services } from '../graphql/context/context.ts';
import { createEnvelope, type Envelope, GRAPHQL_PATH } from '../graphql/server/envelope.ts';
import { createErrorMask, type ErrorMask } from '../graphql/server/errorMask.ts';
import { type Exchange, errorBody, onlyMethods, sendError, sendText } from './exchange/respond.ts';
import { corsHeaders, Gate, preflightHeaders, RefusalLog, type Verdict } from './gate.ts';
import { Pipelines } from './pipeline.ts';
import { downloadOf, serveDownload } from './routes/downloads.ts';
import { GraphiqlPage } from './routes/graphiql.ts';
import { serveGraphql } from './routes/graphqlRoute.ts';
import { type Readiness, serveLive, serveReady } from './routes/health.ts';
import { cutStalled, KEEP_ALIVE, type KeepAliveOptions } from './sockets/keepAlive.ts';
import { createOperations } from './sockets/operations.ts';
import { Tally, type TallyBounds } from './sockets/tally.ts';
import { GraphqlSockets } from './sockets/websocket.ts';

export interface HttpServerOptions extends Services {
  /** HOST and PORT; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** ALLOWED_ORIGINS, beside the service's own; null: those alone. */
  readonly allowedOrigins: readonly string[] | null;
  /** Default: LIMITS.socketsPerAddress. */
  readonly maxSocketsPerAddress?: number;
  readonly ready: Readiness;
  /** For tests; default: KEEP_ALIVE. */
  readonly keepAlive?: KeepAliveOptions;
}

export interface HttpServer {
  /** Resolves when it accepts connections. @throws what listening throws (EADDRINUSE, …) */
  listen(): Promise<{ readonly port: number }>;
  /**
   * Stops accepting, closes sockets with 1001, cuts what streams without its `complete`, and lets short
   * requests finish for STOP_MS at most. Call it before the feeds are closed. Safe to repeat.
   */
  close(): Promise<void>;
}

/** How long requests that are being answered may take at the stop. */
const STOP_MS = 3000;
/** A client that sends its request more slowly than this is no client. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
/**
 * How long a connection may idle between two requests: longer than the 60 s of common balancers, so that the balancer
 * closes it and never sends a request into a connection that is being closed here.
 */
const IDLE_MS = 75_000;

export const createHttpServer = (options: HttpServerOptions): HttpServer => new ApiServer(options);

class ApiServer implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #mask: ErrorMask;
  readonly #envelope: Envelope;
  readonly #sockets: GraphqlSockets;
  readonly #graphiql = new GraphiqlPage();
  /** Answers that stay open: server-sent events and downloads. */
  readonly #streams = new Set<ServerResponse>();
  readonly #keepAlive: KeepAliveOptions;
  readonly #refusals: RefusalLog;
  readonly #backlog = new Backlog();
  readonly #pipelines = new Pipelines();
  readonly #socketBounds: TallyBounds;
  readonly #connections: Tally;
  #gate: Gate;
  #stopping = false;
  #closed: Promise<void> | null = null;

  constructor(given: HttpServerOptions) {
    const options = answering(given);
    this.#options = options;
    this.#keepAlive = options.keepAlive ?? KEEP_ALIVE;
    this.#mask = createErrorMask(options.logger);
    this.#envelope = createEnvelope(options, this.#mask);
    const perAddress = options.maxSocketsPerAddress ?? LIMITS.socketsPerAddress;
    this.#socketBounds = { perAddress, all: Math.max(LIMITS.sockets, perAddress) };
    this.#connections = new Tally(withRequests(this.#socketBounds));
    this.#refusals = new RefusalLog(options.logger);
    this.#gate = new Gate(options);
    this.#sockets = new GraphqlSockets({
      operations: createOperations(this.#envelope, this.#mask),
      logger: options.logger,
      keepAlive: this.#keepAlive,
      backlog: this.#backlog,
      bounds: this.#socketBounds,
    });
    const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, keepAliveTimeout: IDLE_MS };
    this.#server = createServer(timeouts, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.on('connection', (socket) => this.#connected(socket));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', refuseClient);
  }

  async listen(): Promise<{ readonly port: number }> {
    const { host, port, allowedOrigins } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const bound = (this.#server.address() as AddressInfo).port;
    this.#gate = new Gate({ host, port: bound, allowedOrigins });
    return { port: bound };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopping = true;
    for (const response of this.#streams) response.destroy();
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_MS);
    await this.#sockets.close();
    await stopped;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A connection that has become idle while the server stops would be kept for the next request.
    response.once('close', () => {
      if (this.#stopping) setImmediate(() => this.#server.closeIdleConnections());
    });
    try {
      // A probe of health waits for nobody.
      const url = urlOf(request);
      if (!isHealth(url) && !(await this.#pipelines.enter(request, response))) return;
      await this.#route(request, response, url);
    } catch (error) {
      this.#failed(error, request, response);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, url: URL | null): Promise<void> {
    const verdict = this.#judge(request, url);
    const cors = corsHeaders(verdict.passes ? verdict.origin : null);
    const exchange: Exchange = {
      request,
      response,
      url: url ?? new URL('http://localhost/'),
      cors,
      backlog: this.#backlog.for(request.socket),
      watch: () => this.#watch(response),
    };
    if (!verdict.passes) return sendError(exchange, 403, 'FORBIDDEN', verdict.refusal);
    if (url === null) return sendError(exchange, 400, 'BAD_REQUEST', 'The address of the request is not valid.');
    if (this.#stopping) {
      return sendError(exchange, 503, 'UNAVAILABLE', 'The service is stopping.', { Connection: 'close' });
    }
    if (request.method === 'OPTIONS') {
      const headers = verdict.origin === null ? {} : preflightHeaders(request.headers);
      response.writeHead(204, { ...cors, ...headers, Allow: 'GET, HEAD, POST, OPTIONS' }).end();
      return;
    }
    const streams = (stream: ServerResponse): void => this.#noteStream(stream);
    const path = url.pathname;
    if (path === GRAPHQL_PATH) {
      const { pingMs } = this.#keepAlive;
      return await serveGraphql(exchange, { envelope: this.#envelope, graphiql: this.#graphiql, streams, pingMs });
    }
    if (path === '/health/live') return serveLive(exchange);
    if (path === '/health/ready') return await serveReady(exchange, this.#options.ready);
    const download = downloadOf(path);
    if (download !== null) {
      return await serveDownload(exchange, download, { reader: this.#options.reader, streams });
    }
    if (path === '/') {
      if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
      // Relative, so that the prefix of a reverse proxy stays.
      const Location = GRAPHQL_PATH.slice(1);
      return sendText(exchange, 302, 'text/plain; charset=utf-8', `See ${Location}\n`, { Location });
    }
    return sendError(exchange, 404, 'NOT_FOUND', 'There is nothing at this path.');
  }

  /** Probes of health are sent to an address (a kubelet's to the pod's), so the Host rule is not for them. */
  #judge({ headers }: IncomingMessage, url: URL | null): Verdict {
    const verdict = this.#gate.check(headers, isHealth(url));
    if (!verdict.passes && verdict.refused !== null) this.#refusals.note(verdict.refused);
    return verdict;
  }

  #noteStream(response: ServerResponse): void {
    if (this.#stopping) {
      response.destroy();
      return;
    }
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
    this.#watch(response);
  }

  /** A client that takes nothing of what waits for it, for so long, is gone; one that reads slowly is not. */
  #watch(response: ServerResponse): void {
    const sending = { socket: () => response.socket, waiting: () => response.writableLength };
    response.once('close', cutStalled(sending, this.#keepAlive.stalledMs));
  }

  /** Bounds the connections of one address and of all, before anything is read from them. */
  #connected(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#connections.full(address) !== null) {
      socket.destroy();
      return;
    }
    this.#connections.add(address);
    socket.once('close', () => this.#connections.remove(address));
  }

  /** Something was thrown that is no answer: a client that went away, or a fault of ours. */
  #failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed || request.destroyed) return;
    const told = this.#mask(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { code, id } = told.extensions;
    const status = code === 'UNAVAILABLE' ? 503 : code === 'NOT_FOUND' ? 404 : 500;
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end(errorBody(String(code), told.message, id === undefined ? {} : { id }));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const url = urlOf(request);
    const verdict = this.#judge(request, url);
    if (!verdict.passes) {
      refuseUpgrade(socket, 403, 'Forbidden', 'FORBIDDEN', verdict.refusal);
    } else if (this.#stopping) {
      refuseUpgrade(socket, 503, 'Service Unavailable', 'UNAVAILABLE', 'The service is stopping.');
    } else if (url?.pathname !== GRAPHQL_PATH) {
      refuseUpgrade(socket, 404, 'Not Found', 'NOT_FOUND', 'There is nothing at this path.');
    } else {
      const full = this.#sockets.accept(request, socket, head);
      if (full === 'perAddress')
        refuseUpgrade(socket, 429, 'Too Many Requests', 'LIMIT_EXCEEDED', tooMany(this.#socketBounds));
      if (full === 'all') refuseUpgrade(socket, 503, 'Service Unavailable', 'LIMIT_EXCEEDED', TOO_MANY_SOCKETS);
    }
  }
}

/** Connections of WebSockets, and room for others. */
const withRequests = ({ perAddress, all }: TallyBounds): TallyBounds => ({
  perAddress: perAddress + LIMITS.connectionsBesideSockets,
  all: all + LIMITS.connectionsBesideSockets,
});

const tooMany = ({ perAddress }: TallyBounds): string =>
  `At most ${perAddress} WebSockets can be open from one address (MAX_SOCKETS_PER_ADDRESS).`;
const TOO_MANY_SOCKETS = 'Too many WebSockets are open. Try again in a moment.';

const isHealth = (url: URL | null): boolean => url?.pathname.startsWith('/health/') === true;

/** The address as asked for; its host is of no use here, since Host was judged before. */
const urlOf = (request: IncomingMessage): URL | null => {
  const target = request.url ?? '/';
  return target.startsWith('/') ? URL.parse(`http://localhost${target}`) : URL.parse(target);
};

const refuseUpgrade = (socket: Duplex, status: number, reason: string, code: string, message: string): void => {
  const body = errorBody(code, message);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

/** What is no HTTP, or has headers that are too large, gets its answer here; the request was never seen. */
const refuseClient = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, reason, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large', 'LIMIT_EXCEEDED'] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([408, 'Request Timeout', 'BAD_REQUEST'] as const)
        : ([400, 'Bad Request', 'BAD_REQUEST'] as const);
  refuseUpgrade(socket, status, reason, code, `${reason}.`);
};
