/** Which path goes where, and which of them need a caller. */
import type { IncomingMessage } from 'node:http';
import { Refusal, ShareUsedUp } from '../domain/errors.ts';
import { GRAPHQL_PATH } from '../graphql/server/envelope.ts';
import type { ClientLimits } from '../limits/clientLimits.ts';
import { clientOf } from '../limits/who.ts';
import type { Site } from '../viewer/site.ts';
import { bodyBytes } from './exchange/body.ts';
import { type Admission, awaitCaller, type Credentials, callerOf } from './exchange/callerOf.ts';
import {
  type CallersExchange,
  discardBody,
  type Exchange,
  type HttpError,
  left,
  sendError,
  sendUsedUp,
} from './exchange/respond.ts';
import { preflightHeaders } from './gate.ts';
import { LogSizes } from './routes/downloads/logSizes.ts';
import { type Downloads, downloadOf, serveDownload } from './routes/downloads/serveDownload.ts';
import { GraphiqlPage } from './routes/graphiql.ts';
import { type GraphqlRoute, serveGraphql } from './routes/graphqlRoute.ts';
import { type Readiness, serveLive, serveReady } from './routes/health.ts';
import { isViewerPath, serveViewer } from './routes/viewerFiles.ts';

export interface RouterOptions extends Omit<Downloads, 'sizes'>, GraphqlRoute {
  readonly admission: Admission;
  readonly limits: ClientLimits | undefined;
  /** Whether browsers get GraphiQL. */
  readonly graphiql: boolean;
  /** Null: the viewer is off. */
  readonly viewer: Site | null;
  readonly ready: Readiness;
  /** What /health/ready adds for an operator although the service is ready; null: nothing. */
  readonly warning: () => string | null;
  /** False: health checks are all that is served (ROLE=worker). */
  readonly servesApi: boolean;
}

export const NOT_FOUND: HttpError = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'Not found: the service has nothing at this path. Its API is at /graphql.',
};

export const ONLY_HEALTH: HttpError = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'Not found: this process only starts runs (ROLE=worker) and serves /health/live and /health/ready.',
};

/** `/health/live` and `/health/ready`: probes, which are answered first and whatever their Host is. */
export const isHealth = (url: URL | null): boolean => url?.pathname.startsWith('/health/') === true;

export class Router {
  readonly #options: RouterOptions;
  readonly #graphiql: GraphiqlPage | null;
  readonly #sizes = new LogSizes();

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#graphiql = options.graphiql ? new GraphiqlPage() : null;
  }

  /** Answers a request that has passed the gate. @throws what the route throws */
  async serve(exchange: Exchange, origin: string | null): Promise<void> {
    const { url, request, response, cors } = exchange;
    if (!this.#options.servesApi && !isHealth(url)) return sendError(exchange, ONLY_HEALTH);
    if (request.method === 'OPTIONS') {
      const headers = origin === null ? {} : preflightHeaders(request.headers);
      response.writeHead(204, { ...cors, ...headers, Allow: 'GET, HEAD, POST, OPTIONS' }).end();
      return;
    }
    const path = url.pathname;
    if (path === '/health/live') return serveLive(exchange);
    if (path === '/health/ready') return await serveReady(exchange, this.#options.ready, this.#options.warning);
    if (isViewerPath(path)) return await serveViewer(exchange, this.#options.viewer);
    if (this.#graphiql !== null && path === GRAPHQL_PATH && wantsPage(request)) {
      return await this.#graphiql.serve(exchange);
    }
    const download = downloadOf(path);
    if (path !== GRAPHQL_PATH && download === null) return sendError(exchange, NOT_FOUND);
    const ticket = download === null ? null : url.searchParams.get('ticket');
    const link = ticket === null ? null : { ticket, path };
    const admitted = await this.#admit(exchange, link);
    if (admitted === null) return;
    if (download !== null) await serveDownload(admitted, download, { ...this.#options, sizes: this.#sizes });
    else await serveGraphql(admitted, this.#options);
  }

  /** Null: the caller is not let in, and has been told so. */
  async #admit(exchange: Exchange, link: NonNullable<Credentials['link']> | null): Promise<CallersExchange | null> {
    const { limits, admission } = this.#options;
    const { authenticator } = admission;
    const { request, response } = exchange;
    const { headers, socket } = request;
    const credentials = { headers, connectionParams: null, address: socket.remoteAddress ?? '', link };
    const { accept = '' } = headers;
    // EventSource gives up at any status but 200, so event streams wait as subscriptions on WebSockets do. A client that
    // takes JSON too (urql) can ask again.
    const waits = accept.includes('text/event-stream') && !accept.includes('json');
    try {
      const caller = await (waits
        ? awaitCaller(authenticator, credentials, left(response))
        : callerOf(authenticator, credentials));
      const client = clientOf(credentials.address, caller);
      limits?.requestOf(client, bodyBytes(request));
      return { ...exchange, caller, client };
    } catch (error) {
      if (response.destroyed) return null;
      if (!(error instanceof Refusal)) throw error;
      if (error instanceof ShareUsedUp) await sendUsedUp(exchange, error);
      else refuse(exchange, error);
      return null;
    }
  }
}

/** Refuses a request before its body is read. */
const refuse = (exchange: Exchange, { code, message }: Refusal): void => {
  const headers = exchange.request.complete ? {} : { Connection: 'close' };
  // RFC 6750, 3.
  const challenge = { ...headers, 'WWW-Authenticate': 'Bearer' };
  if (code === 'UNAUTHENTICATED') sendError(exchange, { status: 401, code, message }, challenge);
  else sendError(exchange, { status: 503, code, message }, headers);
  discardBody(exchange);
};

/** Whether a browser asks for GraphiQL. The page is the same for everybody and needs no caller. */
const wantsPage = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') && headers.accept?.includes('text/html') === true;
