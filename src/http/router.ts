/** Which path goes where. */
import { GRAPHQL_PATH } from '../graphql/server/envelope.ts';
import { type Exchange, type HttpError, onlyMethods, sendError, sendText } from './exchange/respond.ts';
import { preflightHeaders } from './gate.ts';
import { type Downloads, downloadOf, serveDownload } from './routes/downloads.ts';
import { GraphiqlPage } from './routes/graphiql.ts';
import { type GraphqlRoute, serveGraphql } from './routes/graphqlRoute.ts';
import { type Readiness, serveLive, serveReady } from './routes/health.ts';

export interface RouterOptions extends Downloads, Omit<GraphqlRoute, 'graphiql'> {
  /** Whether browsers get GraphiQL. */
  readonly graphiql: boolean;
  readonly ready: Readiness;
}

export const NOT_FOUND: HttpError = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'Not found: the service has nothing at this path. Its API is at /graphql.',
};

/** `/health/live` and `/health/ready`: probes, which are answered first and whatever their Host is. */
export const isHealth = (url: URL | null): boolean => url?.pathname.startsWith('/health/') === true;

export class Router {
  readonly #options: RouterOptions;
  readonly #graphiql: GraphiqlPage | null;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#graphiql = options.graphiql ? new GraphiqlPage() : null;
  }

  /** Answers a request that has passed the gate. @throws what the route throws */
  async serve(exchange: Exchange, origin: string | null): Promise<void> {
    const { url, request, response, cors } = exchange;
    if (request.method === 'OPTIONS') {
      const headers = origin === null ? {} : preflightHeaders(request.headers);
      response.writeHead(204, { ...cors, ...headers, Allow: 'GET, HEAD, POST, OPTIONS' }).end();
      return;
    }
    const path = url.pathname;
    if (path === GRAPHQL_PATH) return await serveGraphql(exchange, { ...this.#options, graphiql: this.#graphiql });
    if (path === '/health/live') return serveLive(exchange);
    if (path === '/health/ready') return await serveReady(exchange, this.#options.ready);
    const download = downloadOf(path);
    if (download !== null) return await serveDownload(exchange, download, this.#options);
    if (path === '/' && this.#graphiql !== null) return redirectToGraphql(exchange);
    sendError(exchange, NOT_FOUND);
  }
}

const redirectToGraphql = (exchange: Exchange): void => {
  if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
  // Relative, so that the path prefix of a reverse proxy is kept.
  const Location = GRAPHQL_PATH.slice(1);
  sendText(exchange, { status: 302, type: 'text/plain; charset=utf-8', body: `See ${Location}\n` }, { Location });
};
