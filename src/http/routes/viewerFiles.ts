/** The viewer at `/`: files from disk, compressed in advance. Assets have a hash in their name and never change. */
import { readFile } from 'node:fs/promises';
import type { Site, SiteFile } from '../../viewer/site.ts';
import { type Exchange, type HttpError, onlyMethods, sendError } from '../exchange/respond.ts';
import { contentPolicy } from '../exchange/securityHeaders.ts';
import { sendPage } from '../exchange/sendPage.ts';

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

const ENDINGS = { br: '.br', gzip: '.gz' } as const;

const send = (exchange: Exchange, { path, type, etag, immutable }: SiteFile): Promise<void> =>
  sendPage(exchange, {
    type,
    etag,
    policy: POLICY,
    cacheControl: immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    body: (encoding) => readFile(encoding === null ? path : `${path}${ENDINGS[encoding]}`),
  });
