/** The HTTP server: puts its parts together, starts, answers and stops. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Backlog } from '../delivery/sinks/backlog.ts';
import { isErrorCode, ShareUsedUp } from '../domain/errors.ts';
import { answering } from '../graphql/context/answering.ts';
import type { Services } from '../graphql/context/context.ts';
import { createEnvelope, GRAPHQL_PATH } from '../graphql/server/envelope.ts';
import { createErrorMask, type ErrorMask } from '../graphql/server/errorMask.ts';
import { type Manifest, PersistedDocuments } from '../graphql/server/persistedDocuments.ts';
import { clientOf } from '../limits/who.ts';
import type { Site } from '../viewer/site.ts';
import { Connections, socketBounds } from './connectionLimit.ts';
import { bodyBytes } from './exchange/body.ts';
import { type Admission, openAdmission } from './exchange/callerOf.ts';
import { limitFailedLogins } from './exchange/failedLogins.ts';
import { type CallersExchange, type Exchange, errorBody, sendError, sendUsedUp } from './exchange/respond.ts';
import { SECURITY_HEADERS } from './exchange/securityHeaders.ts';
import { corsHeaders, Gate, RefusalLog, type Verdict } from './gate.ts';
import { closeServer, createNodeServer, listen } from './nodeServer.ts';
import { OpenResponses } from './openResponses.ts';
import { Pipelines } from './pipeline.ts';
import { refuseOnSocket } from './rawAnswers.ts';
import { BAD_TARGET, forbidden, NO_HOST, STOPPING, TOO_MANY_SOCKETS, tooManySockets } from './refusals.ts';
import { isHealth, NOT_FOUND, ONLY_HEALTH, Router } from './router.ts';
import type { Readiness } from './routes/health.ts';
import { KEEP_ALIVE, type KeepAliveOptions } from './sockets/keepAlive.ts';
import { createOperations } from './sockets/operations.ts';
import type { TallyBounds } from './sockets/tally.ts';
import { GraphqlSockets } from './sockets/websocket.ts';

export interface HttpServerOptions extends Services {
  /** HOST and PORT; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** ALLOWED_ORIGINS, added to the service's own origins; null: only the service's own. */
  readonly allowedOrigins: readonly string[] | null;
  /** Default: LIMITS.socketsPerAddress. */
  readonly maxSocketsPerAddress?: number;
  /** For tests; default: LIMITS.sockets, or maxSocketsPerAddress where that is more. */
  readonly maxSockets?: number;
  readonly ready: Readiness;
  /** As RouterOptions.warning; default: none. */
  readonly warning?: () => string | null;
  /** False: health checks are all that is served (ROLE=worker). Default: true. */
  readonly servesApi?: boolean;
  /** Default: AUTH=none. */
  readonly admission?: Admission;
  /** INTROSPECTION and GRAPHIQL. Default: true. */
  readonly introspection?: boolean;
  readonly graphiql?: boolean;
  /** Files of the viewer; null, the default: there is none (VIEWER=off). */
  readonly viewer?: Site | null;
  /** PERSISTED_DOCUMENTS; null, the default: every document is allowed. */
  readonly manifest?: Manifest | null;
  /** For tests; default: KEEP_ALIVE. */
  readonly keepAlive?: KeepAliveOptions;
}

export interface HttpServer {
  /** Resolves when it accepts connections. @throws what listening throws (EADDRINUSE, …) */
  listen(): Promise<{ readonly port: number }>;
  /**
   * Stops accepting, closes WebSockets with 1001, cuts open responses without their `complete`, and lets short
   * requests finish for at most STOP_MS. Call it before the feeds are closed. Can be repeated.
   */
  close(): Promise<void>;
}

/** How long requests that are being answered can take once the server stops. */
const STOP_MS = 3000;

export const createHttpServer = (options: HttpServerOptions): HttpServer => new ApiServer(options);

class ApiServer implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #mask: ErrorMask;
  readonly #sockets: GraphqlSockets;
  readonly #socketBounds: TallyBounds;
  readonly #router: Router;
  readonly #open: OpenResponses;
  readonly #refusals: RefusalLog;
  readonly #backlog = new Backlog();
  readonly #pipelines: Pipelines;
  #gate: Gate;
  #stopping = false;
  #closed: Promise<void> | null = null;

  constructor(given: HttpServerOptions) {
    const options = answering(given);
    const { logger, reader, runsFor, ready, keepAlive = KEEP_ALIVE } = options;
    this.#options = options;
    this.#gate = new Gate(options);
    this.#refusals = new RefusalLog(logger);
    this.#open = new OpenResponses(keepAlive.stalledMs);
    this.#pipelines = new Pipelines(keepAlive.stalledMs);
    this.#mask = createErrorMask(logger, options.introspection);
    const {
      introspection = true,
      graphiql = true,
      viewer = null,
      warning = () => null,
      servesApi = true,
      manifest = null,
      admission: everybody = openAdmission(),
      limits,
    } = options;
    const admission = limits === undefined ? everybody : limitFailedLogins(everybody, limits.logins);
    const envelope = createEnvelope(options, this.#mask, { introspection });
    const documents = new PersistedDocuments(manifest);
    const streams = ({ response, caller }: CallersExchange): void => {
      this.#open.add(response);
      response.once(
        'close',
        admission.sessions.open(caller, () => void response.destroy()),
      );
    };
    const { pingMs } = keepAlive;
    const pages = { graphiql, viewer, warning, servesApi };
    const parts = { admission, limits, envelope, documents, ...pages, reader, runsFor, ready, pingMs, streams };
    this.#router = new Router(parts);
    this.#socketBounds = socketBounds(options.maxSocketsPerAddress, options.maxSockets);
    this.#sockets = new GraphqlSockets({
      operations: createOperations({ envelope, documents, mask: this.#mask, admission, limits }),
      logger,
      keepAlive,
      backlog: this.#backlog,
      bounds: this.#socketBounds,
      limits,
      refuse: refuseOnSocket,
    });
    this.#server = this.#createServer();
  }

  #createServer(): Server {
    const connections = new Connections(this.#socketBounds);
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    const server = createNodeServer(answer, (socket) => {
      connections.admit(socket);
      this.#pipelines.admit(socket);
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    return server;
  }

  async listen(): Promise<{ readonly port: number }> {
    const { host, port: asked, allowedOrigins } = this.#options;
    const port = await listen(this.#server, host, asked);
    this.#gate = new Gate({ host, port, allowedOrigins });
    return { port };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopping = true;
    this.#open.cutAll();
    await Promise.all([closeServer(this.#server, STOP_MS), this.#sockets.close()]);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Node.js still delivers the requests that it read before the connection was cut.
    if (request.socket.destroyed) {
      request.destroy();
      return;
    }
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value ?? '');
    // While the server stops, a connection that becomes idle must not be kept for the next request.
    response.once('close', () => {
      if (this.#stopping) setImmediate(() => this.#server.closeIdleConnections());
    });
    try {
      // Health probes do not queue behind the requests of other clients.
      const url = urlOf(request);
      if (!(await this.#pipelines.enter(request, response, !isHealth(url)))) return;
      await this.#judgeAndRoute(request, response, url);
    } catch (error) {
      this.#failed(error, request, response);
    }
  }

  async #judgeAndRoute(request: IncomingMessage, response: ServerResponse, url: URL | null): Promise<void> {
    const verdict = this.#judge(request, url);
    const exchange: Exchange = {
      request,
      response,
      url: url ?? new URL('http://localhost/'),
      cors: corsHeaders(verdict.passes ? verdict.origin : null),
      backlog: this.#backlog.for(request.socket),
      watch: () => this.#open.watch(response),
    };
    if (!verdict.passes) return sendError(exchange, forbidden(verdict.refusal));
    if (url === null) return sendError(exchange, BAD_TARGET);
    if (request.headers.host === undefined && request.httpVersion === '1.1') return sendError(exchange, NO_HOST);
    if (this.#stopping) return sendError(exchange, STOPPING, { Connection: 'close' });
    const refusal = isHealth(url) ? null : this.#usedUp(request);
    if (refusal !== null) return await sendUsedUp(exchange, refusal);
    await this.#router.serve(exchange, verdict.origin);
  }

  /** Counts the request for its address. The router counts it for its caller. */
  #usedUp(request: IncomingMessage): ShareUsedUp | null {
    try {
      this.#options.limits?.requestFrom(clientOf(request.socket.remoteAddress ?? '', null), bodyBytes(request));
      return null;
    } catch (error) {
      if (error instanceof ShareUsedUp) return error;
      throw error;
    }
  }

  /** Health probes are sent to an IP address (a kubelet's to the pod's), so the Host rule is not applied to them. */
  #judge({ headers }: IncomingMessage, url: URL | null): Verdict {
    const verdict = this.#gate.check(headers, isHealth(url));
    if (!verdict.passes && verdict.refused !== null) this.#refusals.note(verdict.refused);
    return verdict;
  }

  /** Answers an error that was thrown, unless the client has left; a response that has begun is cut. */
  #failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed || request.destroyed) return;
    const masked = this.#mask(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { code: given, id } = masked.extensions;
    const code = isErrorCode(given) ? given : 'INTERNAL_SERVER_ERROR';
    const status = code === 'UNAVAILABLE' ? 503 : code === 'NOT_FOUND' ? 404 : 500;
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(errorBody(code, masked.message, id === undefined ? {} : { id }));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const first = this.#pipelines.release(request.socket, head);
    const url = urlOf(request);
    const verdict = this.#judge(request, url);
    if (!verdict.passes) refuseOnSocket(socket, forbidden(verdict.refusal));
    else if (this.#stopping) refuseOnSocket(socket, STOPPING);
    else if (this.#options.servesApi === false) refuseOnSocket(socket, ONLY_HEALTH);
    else if (url?.pathname !== GRAPHQL_PATH) refuseOnSocket(socket, NOT_FOUND);
    else {
      const full = this.#sockets.accept(request, socket, first);
      if (full === 'perAddress') refuseOnSocket(socket, tooManySockets(this.#socketBounds));
      if (full === 'all') refuseOnSocket(socket, TOO_MANY_SOCKETS);
    }
  }
}

/** The request's target as a URL; null if it is not valid. Its host means nothing: the header Host is what is checked. */
const urlOf = (request: IncomingMessage): URL | null => {
  const target = request.url ?? '/';
  return target.startsWith('/') ? URL.parse(`http://localhost${target}`) : URL.parse(target);
};
