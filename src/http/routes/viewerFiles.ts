/** The viewer at `/`: files from disk, compressed in advance. Assets have a hash in their name and never change. */
import { readFile } from 'node:fs/promises';
import type { Site, SiteFile } from '../../viewer/site.ts';
import { type Exchange, type HttpError, onlyMethods, sendError, sendLarge } from '../exchange/respond.ts';
import { contentPolicy } from '../exchange/securityHeaders.ts';

/** Everything comes from the service; no script is inline, and no text can become one. */
const POLICY = contentPolicy({
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
});

const OFF: HttpError = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'The viewer is off (VIEWER=off). The API is at /graphql.',
};
const NOT_BUILT: HttpError = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'The viewer could not be built; the start of the service said why. The API is at /graphql.',
};
const GONE: HttpError = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'Not found: the viewer has no such file. Reload the page: the service may be newer than it.',
};

export const isViewerPath = (path: string): boolean => path === '/' || path.startsWith('/assets/');

/** @param site null: the viewer is off */
export const serveViewer = async (exchange: Exchange, site: Site | null): Promise<void> => {
  if (site === null) return sendError(exchange, OFF);
  if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
  const files = await site.files().catch(() => null);
  if (files === null) return sendError(exchange, NOT_BUILT);
  const file = files.get(exchange.url.pathname);
  if (file === undefined) return sendError(exchange, GONE);
  await send(exchange, file);
};

const send = async (exchange: Exchange, file: SiteFile): Promise<void> => {
  const { request, response, cors } = exchange;
  const [encoding, ending] = encodingFor(request.headers['accept-encoding']);
  const headers = {
    ...cors,
    'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    'Content-Security-Policy': POLICY,
    ETag: file.etag,
    Vary: 'Origin, Accept-Encoding',
  };
  if (request.headers['if-none-match']?.includes(file.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const body = await readFile(`${file.path}${ending}`);
  const all = {
    ...headers,
    'Content-Type': file.type,
    'Content-Length': body.length,
    ...(encoding === null ? {} : { 'Content-Encoding': encoding }),
  };
  if (request.method === 'HEAD') response.writeHead(200, all).end();
  else sendLarge(exchange, { status: 200, headers: all, body: [body] });
};

const encodingFor = (accepted: string | string[] | undefined): readonly ['br' | 'gzip' | null, string] => {
  const text = String(accepted ?? '');
  if (/\bbr\b/.test(text)) return ['br', '.br'];
  return /\bgzip\b/.test(text) ? ['gzip', '.gz'] : [null, ''];
};
