/**
 * Which web pages can use the service (docs/reference/http.md). The Origin of a page must be on the list. The Host must
 * be a name of the service: otherwise a page of a foreign name that resolves to the service (DNS rebinding) would have the
 * same origin. A request without Origin (curl, a server) does not come from a page and passes.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import { Forbidden } from '../domain/errors.ts';

export interface GateOptions {
  /** HOST: the address that the service listens on. */
  readonly host: string;
  readonly port: number;
  /** ALLOWED_ORIGINS, added to the service's own origins; null: only the service's own. */
  readonly allowedOrigins: readonly string[] | null;
}

/** The header that was the reason of a refusal, with its value. */
export interface RefusedValue {
  readonly header: 'Host' | 'Origin';
  readonly value: string;
}

/** `origin` is the page's, if it has one. */
export type Verdict =
  | { readonly passes: true; readonly origin: string | null }
  | { readonly passes: false; readonly refusal: Forbidden; readonly refused: RefusedValue | null };

/** Names that always mean this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** The name in a Host header, in lower case and without the port; null if it is not a valid host. */
const hostName = (host: string): string | null =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? null;

const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

/** Origins of the service's own pages: the loopback names and HOST, with its port. */
export const ownOrigins = ({ host, port }: Pick<GateOptions, 'host' | 'port'>): readonly string[] =>
  // An IPv6 address with a zone is not valid in a URL, so no page can come from it.
  ['127.0.0.1', 'localhost', '[::1]', bracketed(host)].flatMap(
    (name) => URL.parse(`http://${name}:${port}`)?.origin ?? [],
  );

/** How many characters of a header's value are repeated in a log line or a response. */
const SHOWN_CHARACTERS = 200;
const shown = (value: string): string =>
  value.length <= SHOWN_CHARACTERS ? value : `${value.slice(0, SHOWN_CHARACTERS)}…`;

/** What to do about a refused value. */
const REMEDY = {
  Host: 'Add it to ALLOWED_ORIGINS to serve it',
  Origin: "Add it to ALLOWED_ORIGINS to let its pages use the service, also through a development server's proxy",
} as const;

const refuse = (header: 'Host' | 'Origin', value: string): Verdict => ({
  passes: false,
  refusal: new Forbidden(`${header} not allowed: ${shown(value) || '(empty)'}. ${REMEDY[header]}.`),
  refused: { header, value: shown(value) },
});

export class Gate {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  constructor({ host, port, allowedOrigins }: GateOptions) {
    this.#origins = new Set([...ownOrigins({ host, port }), ...(allowedOrigins ?? [])]);
    const names = [...this.#origins].map((origin) => new URL(origin).hostname);
    this.#hosts = new Set([bracketed(host.toLowerCase()), ...names]);
  }

  /** Decides on a request or an upgrade by its headers. @param anyHost skip the check of Host */
  check(headers: IncomingHttpHeaders, anyHost = false): Verdict {
    const { host, origin } = headers;
    if (!anyHost && host !== undefined && host !== '') {
      const name = hostName(host);
      if (name === null || !(LOOPBACK.test(name) || this.#hosts.has(name))) return refuse('Host', host);
    }
    if (origin !== undefined) {
      return this.#origins.has(origin) ? { passes: true, origin } : refuse('Origin', origin);
    }
    // An <img> or <script> of a page sends no Origin, but says where it comes from (Fetch Metadata).
    const site = headers['sec-fetch-site'];
    if ((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate') {
      return {
        passes: false,
        refusal: new Forbidden('Pages of other sites cannot embed this. Open its address directly.'),
        refused: null,
      };
    }
    return { passes: true, origin: null };
  }
}

/** How many values are remembered as logged. Bounded, because clients choose them. */
const LOGGED_VALUES = 100;

/** Logs each refused Origin and Host once, so that an operator sees why a page cannot connect: browsers do not show it. */
export class RefusalLog {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #logged = new Set<string>();

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  note({ header, value }: RefusedValue): void {
    const name = `${header} ${value}`;
    if (this.#logged.size > LOGGED_VALUES || this.#logged.has(name)) return;
    this.#logged.add(name);
    const fields = { [header.toLowerCase()]: value };
    if (this.#logged.size <= LOGGED_VALUES) this.#logger.warn(fields, `${header} not allowed: ${REMEDY[header]}`);
    else
      this.#logger.warn(
        { values: LOGGED_VALUES },
        'refused many different Hosts and Origins: no more of them are logged',
      );
  }
}

/** Headers of responses that such a page can read, besides those that every page can (Fetch, 2.2.2). */
const EXPOSED = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Retry-After',
  'WWW-Authenticate',
].join(', ');

/** Headers with which a page of an allowed origin can read the response. No credentials: there are no cookies. */
export const corsHeaders = (origin: string | null): OutgoingHttpHeaders =>
  origin === null
    ? { Vary: 'Origin' }
    : {
        Vary: 'Origin',
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': EXPOSED,
      };

const HEADER_NAMES = /^[a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*$/i;

/** Headers of the response to the preflight of an allowed origin. All request headers are allowed. */
export const preflightHeaders = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => {
  const wanted = headers['access-control-request-headers'];
  return {
    'Access-Control-Allow-Methods': 'GET, HEAD, POST',
    ...(wanted !== undefined && HEADER_NAMES.test(wanted) ? { 'Access-Control-Allow-Headers': wanted } : {}),
    'Access-Control-Max-Age': '600',
    ...(headers['access-control-request-private-network'] === 'true'
      ? { 'Access-Control-Allow-Private-Network': 'true' }
      : {}),
  };
};
