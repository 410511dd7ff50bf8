/** A thread that builds the page of GraphiQL (9 MB), compresses it, posts it to its parent, and ends. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { PAGE_SCRIPT } from './graphiqlScripts.ts';
import { FIRST_QUERY } from './graphiqlTabs.ts';

/** The message to the parent. */
export interface GraphiqlBuild {
  readonly brotli: Uint8Array;
  readonly gzip: Uint8Array;
  readonly etag: string;
}

const page = renderGraphiQL({ title: 'runloom', defaultQuery: FIRST_QUERY, subscriptionsProtocol: 'WS' }).trimStart();
const root = '<div id="root"></div>';
const html = Buffer.from(page.replace(root, () => `${root}<script>${PAGE_SCRIPT}</script>`));
const built: GraphiqlBuild = {
  brotli: brotliCompressSync(html, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: gzipSync(html),
  etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`,
};
parentPort?.postMessage(built);
