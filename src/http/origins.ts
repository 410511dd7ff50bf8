/**
 * Who may speak to the service from a browser (CONTRACT.md, ALLOWED_ORIGINS). A page is known by its Origin
 * and must be on the list; a Host must be a name of ours, or a page of a foreign name that resolves to us
 * (DNS rebinding) would be of the same origin. What has no Origin (curl, a server) is no page and passes.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

export interface GateOptions {
  /** What the service listens on, HOST. */
  readonly host: string;
  readonly port: number;
  /** ALLOWED_ORIGINS; null: the loopback names with the port. */
  readonly allowedOrigins: readonly string[] | null;
}

/** `origin` is the page's, where there is one; `refusal` a sentence, where it may not pass. */
export type Verdict =
  | { readonly passes: true; readonly origin: string | null }
  | { readonly passes: false; readonly refusal: string };

const refuse = (refusal: string): Verdict => ({ passes: false, refusal });

/** Names that can only mean this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** The name in a Host header, without its port, in lower case; null where it is no host at all. */
const hostName = (host: string): string | null =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? null;

const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

export const loopbackOrigins = (port: number): readonly string[] =>
  ['127.0.0.1', 'localhost', '[::1]'].map((name) => `http://${name}${port === 80 ? '' : `:${port}`}`);

export class Gate {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  constructor({ host, port, allowedOrigins }: GateOptions) {
    this.#origins = new Set(allowedOrigins ?? loopbackOrigins(port));
    const names = [...this.#origins].map((origin) => new URL(origin).hostname);
    this.#hosts = new Set([bracketed(host.toLowerCase()), ...names]);
  }

  /** Decides on a request or an upgrade by its headers alone. */
  check(headers: IncomingHttpHeaders): Verdict {
    const { host, origin } = headers;
    if (host !== undefined && host !== '') {
      const name = hostName(host);
      if (name === null || !(LOOPBACK.test(name) || this.#hosts.has(name))) {
        return refuse('This Host is none of the service. Set ALLOWED_ORIGINS where it should be.');
      }
    }
    if (origin !== undefined) {
      if (this.#origins.has(origin)) return { passes: true, origin };
      return refuse('Pages of this Origin may not use the service. Set ALLOWED_ORIGINS where they should.');
    }
    // A page's <img> or <script> has no Origin but says where it comes from (Fetch Metadata).
    const site = headers['sec-fetch-site'];
    if ((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate') {
      return refuse('Other sites may not load this.');
    }
    return { passes: true, origin: null };
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
