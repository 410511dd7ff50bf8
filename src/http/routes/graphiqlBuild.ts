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
  /** Sources of Content-Security-Policy: one for each script of the page. */
  readonly scriptHashes: readonly string[];
}

/** Headers are not stored: they can have a token. */
const options = {
  title: 'runloom',
  defaultQuery: FIRST_QUERY,
  subscriptionsProtocol: 'WS',
  shouldPersistHeaders: false,
} as const;
const ROOT = '<div id="root"></div>';
/** What is replaced in the page of the package. */
const CHANGES = [
  [ROOT, `${ROOT}<script>${PAGE_SCRIPT}</script>`],
  [JSON.stringify(options), `Object.assign(${JSON.stringify(options)}, runloomOptions)`],
] as const;

const page = CHANGES.reduce((text, [old, changed]) => {
  if (text.split(old).length !== 2)
    throw new Error(`The page of GraphiQL does not have this once: ${old.slice(0, 40)}`);
  return text.replace(old, () => changed);
}, renderGraphiQL(options).trimStart());

const sha256 = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest();
const html = Buffer.from(page);
const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = '']) => script);
const built: GraphiqlBuild = {
  brotli: brotliCompressSync(html, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: gzipSync(html),
  etag: `"${sha256(html).toString('base64url').slice(0, 22)}"`,
  scriptHashes: scripts.map((script) => `'sha256-${sha256(script).toString('base64')}'`),
};
parentPort?.postMessage(built);
