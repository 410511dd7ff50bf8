/** GraphiQL, complete without internet. The page has 9 MB; it is built once and kept only in compressed form. */
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { brotliDecompress } from 'node:zlib';
import type { Exchange } from '../exchange/respond.ts';
import { contentPolicy } from '../exchange/securityHeaders.ts';
import { sendPage } from '../exchange/sendPage.ts';
import type { GraphiqlBuild } from './graphiqlBuild.ts';

const unbrotliAsync = promisify(brotliDecompress);

/**
 * Scripts are inline and allowed by their hashes; workers are blobs; the page connects only to this service. Styles need
 * 'unsafe-inline': without it Chromium blocks 3 style elements and 20 style attributes of Monaco, the editor, at the start.
 */
const policyFor = (scriptHashes: readonly string[]): string =>
  contentPolicy({
    'script-src': scriptHashes.join(' '),
    'style-src': "'unsafe-inline'",
    'img-src': 'data: blob:',
    'font-src': 'data:',
    'worker-src': 'blob:',
    'connect-src': "'self' blob:",
  });

interface Page {
  readonly brotli: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
  readonly policy: string;
}

/** Builds it in a thread, because it takes a quarter of a second. @throws what the thread throws */
const build = async (): Promise<Page> => {
  const thread = new Worker(new URL('./graphiqlBuild.ts', import.meta.url));
  const [{ brotli, gzip, etag, scriptHashes }] = (await once(thread, 'message')) as [GraphiqlBuild];
  return { brotli: viewOf(brotli), gzip: viewOf(gzip), etag, policy: policyFor(scriptHashes) };
};

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export class GraphiqlPage {
  #page: Promise<Page> | null = null;
  /** The uncompressed page: one copy for all current responses, freed after the last of them. */
  #plain: WeakRef<Buffer> | null = null;
  #unpacking: Promise<Buffer> | null = null;

  /** Sends the page in an encoding that the browser accepts. The first call builds it. */
  async serve(exchange: Exchange): Promise<void> {
    this.#page ??= build();
    // A build that failed is tried again.
    this.#page.catch(() => {
      this.#page = null;
    });
    const page = await this.#page;
    await sendPage(exchange, {
      type: 'text/html; charset=utf-8',
      etag: page.etag,
      policy: page.policy,
      cacheControl: 'no-cache',
      varies: 'Accept',
      body: async (encoding) => {
        if (encoding === null) return await this.#unpacked(page);
        return encoding === 'br' ? page.brotli : page.gzip;
      },
      own: 0,
    });
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
