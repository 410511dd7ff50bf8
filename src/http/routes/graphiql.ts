/** GraphiQL, complete without internet. The page has 9 MB; it is built once and kept only in compressed form. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, gzip } from 'node:zlib';
import { type Exchange, SECURITY_HEADERS, sendBody } from '../exchange/respond.ts';
import { PAGE_SCRIPT } from './graphiqlScripts.ts';
import { FIRST_QUERY } from './graphiqlTabs.ts';

const brotliAsync = promisify(brotliCompress);
const unbrotliAsync = promisify(brotliDecompress);
const gzipAsync = promisify(gzip);

/** Scripts are inline, workers are blobs, and the page connects only to this service. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'font-src data:',
  'worker-src blob:',
  "connect-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface Page {
  readonly brotli: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

const build = async (): Promise<Page> => {
  // Loaded only when the page is requested, because it takes 9 MB of memory.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const page = renderGraphiQL({ title: 'runloom', defaultQuery: FIRST_QUERY, subscriptionsProtocol: 'WS' }).trimStart();
  const root = '<div id="root"></div>';
  const html = Buffer.from(page.replace(root, () => `${root}<script>${PAGE_SCRIPT}</script>`));
  const etag = `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`;
  const [brotli, gzipped] = await Promise.all([
    brotliAsync(html, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    gzipAsync(html),
  ]);
  return { brotli, gzip: gzipped, etag };
};

export class GraphiqlPage {
  #page: Promise<Page> | null = null;
  /** The uncompressed page: one copy for all current responses, freed after the last of them. */
  #plain: WeakRef<Buffer> | null = null;
  #unpacking: Promise<Buffer> | null = null;

  /** Sends the page in an encoding that the browser accepts. The first call builds it. */
  async serve(exchange: Exchange): Promise<void> {
    const { request, response, cors } = exchange;
    this.#page ??= build();
    const page = await this.#page;
    const headers = {
      ...SECURITY_HEADERS,
      ...cors,
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': POLICY,
      'X-Frame-Options': 'DENY',
      ETag: page.etag,
      Vary: 'Origin, Accept-Encoding, Accept',
    };
    if (request.headers['if-none-match']?.includes(page.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const accepted = String(request.headers['accept-encoding'] ?? '');
    const [encoding, body] = /\bbr\b/.test(accepted)
      ? ['br', page.brotli]
      : /\bgzip\b/.test(accepted)
        ? ['gzip', page.gzip]
        : [null, await this.#unpacked(page)];
    const all = {
      ...headers,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': body.length,
      ...(encoding === null ? {} : { 'Content-Encoding': encoding }),
    };
    if (request.method === 'HEAD') response.writeHead(200, all).end();
    else sendBody(exchange, 200, all, body, 0);
  }

  async #unpacked({ brotli }: Page): Promise<Buffer> {
    const held = this.#plain?.deref();
    if (held !== undefined) return held;
    this.#unpacking ??= unbrotliAsync(brotli).finally(() => {
      this.#unpacking = null;
    });
    const made = await this.#unpacking;
    if (this.#plain?.deref() !== made) this.#plain = new WeakRef(made);
    return made;
  }
}
