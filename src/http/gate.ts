/**
 * Who may speak to the service from a browser (docs/reference/http.md). A page is known by its Origin
 * and must be on the list; a Host must be a name of the service, or a page of a foreign name that resolves to it
 * (DNS rebinding) would be of the same origin. What has no Origin (curl, a server) is no page and passes.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import { Forbidden } from '../domain/errors.ts';

export interface GateOptions {
  /** What the service listens on, HOST. */
  readonly host: string;
  readonly port: number;
  /** ALLOWED_ORIGINS, beside the service's own origins; null: the own ones alone. */
  readonly allowedOrigins: readonly string[] | null;
}

/** The header that a request was refused for, with its value. */
export interface RefusedValue {
  readonly header: 'Host' | 'Origin';
  readonly value: string;
}

/** `origin` is the page's, if it has one. */
export type Verdict =
  | { readonly passes: true; readonly origin: string | null }
  | { readonly passes: false; readonly refusal: Forbidden; readonly refused: RefusedValue | null };

/** Names that can only mean this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** The name in a Host header, without its port, in lower case; null where it is no host at all. */
const hostName = (host: string): string | null =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? null;

const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

/** Origins of the service's own pages: the loopback names and HOST, with the port that it listens on. */
export const ownOrigins = ({ host, port }: Pick<GateOptions, 'host' | 'port'>): readonly string[] =>
  // An IPv6 address with a zone is no host of a URL, so no page can come from it.
  ['127.0.0.1', 'localhost', '[::1]', bracketed(host)].flatMap(
    (name) => URL.parse(`http://${name}:${port}`)?.origin ?? [],
  );

/** Of a header's value, characters that a log line or an answer repeats. */
const SHOWN_CHARACTERS = 200;
const shown = (value: string): string =>
  value.length <= SHOWN_CHARACTERS ? value : `${value.slice(0, SHOWN_CHARACTERS)}…`;

/** What to do about a refused value, as a sentence. */
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

  /** Decides on a request or an upgrade by its headers alone; `anyHost`: whatever name or address it was sent to. */
  check(headers: IncomingHttpHeaders, anyHost = false): Verdict {
    const { host, origin } = headers;
    if (!anyHost && host !== undefined && host !== '') {
      const name = hostName(host);
      if (name === null || !(LOOPBACK.test(name) || this.#hosts.has(name))) return refuse('Host', host);
    }
    if (origin !== undefined) {
      return this.#origins.has(origin) ? { passes: true, origin } : refuse('Origin', origin);
    }
    // A page's <img> or <script> has no Origin but says where it comes from (Fetch Metadata).
    const site = headers['sec-fetch-site'];
    if ((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate') {
      return { passes: false, refusal: new Forbidden('Pages of other sites cannot embed this.'), refused: null };
    }
    return { passes: true, origin: null };
  }
}

/** Values that are remembered as logged. A client chooses them, so there is a bound. */
const LOGGED_VALUES = 100;

/** Logs each refused Origin and Host once, so that an operator sees why a page cannot connect: browsers don't tell. */
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
      this.#logger.warn({ values: LOGGED_VALUES }, 'many Hosts and Origins were refused: further ones are not logged');
  }
}

/** What a page of an allowed origin needs in order to read the answer. No credentials: there are no cookies. */
export const corsHeaders = (origin: string | null): OutgoingHttpHeaders =>
  origin === null
    ? { Vary: 'Origin' }
    : {
        Vary: 'Origin',
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': 'Content-Disposition',
      };

const HEADER_NAMES = /^[a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*$/i;

/** The answer to the preflight of an allowed origin; it may send what headers it likes. */
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
