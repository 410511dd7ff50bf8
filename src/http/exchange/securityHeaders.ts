/** Headers that protect browsers. The server sets SECURITY_HEADERS on every response; routes only replace single ones. */
import type { OutgoingHttpHeaders } from 'node:http';

type Directives = Readonly<Record<string, string>>;

/** Nothing is loaded, and no page can show the response in a frame. Scripts that are allowed can call the service. */
const CLOSED: Directives = {
  'default-src': "'none'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/**
 * A value of Content-Security-Policy (https://www.w3.org/TR/CSP3/).
 * @param more what a page loads, such as `{ 'script-src': "'self'" }`
 */
export const contentPolicy = (more: Directives = {}): string =>
  Object.entries({ ...CLOSED, ...more })
    .map(([name, value]) => `${name} ${value}`.trimEnd())
    .join('; ');

/** Features of browsers that no page of the service uses. */
const FEATURES = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb'];

/**
 * No type sniffing, no caching of data, no Referer to any site, no frames, no access from windows of other sites, no
 * embedding in pages of other sites. Pages of ALLOWED_ORIGINS read responses by CORS, which CORP does not limit.
 */
export const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': contentPolicy(),
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': FEATURES.map((name) => `${name}=()`).join(', '),
};

/**
 * For streamed responses: nginx forwards data at once instead of buffering it, and no proxy compresses or rewrites it (a
 * compressor delays data, and the digest of a log is that of its bytes).
 */
export const STREAM_HEADERS: OutgoingHttpHeaders = {
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
};
