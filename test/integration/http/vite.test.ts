/** A page of Vite's development server, as described in docs/how-to/use-in-your-own-page.md, in a real browser. */
import { createServer } from 'vite';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, startBrowser, type TestBrowser } from '../../support/clients/browser.ts';
import { openHttp, type TestApi } from '../../support/clients/http.ts';
import { exampleCode } from '../../support/documents.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { freePort } from '../../support/network/ports.ts';

let browser: TestBrowser | null = null;
beforeAll(async () => {
  if (hasBrowser) browser = await startBrowser();
});
afterAll(() => browser?.[Symbol.asyncDispose]());

interface Proxy {
  readonly [name: string]: string | boolean | object;
}
interface ViteConfig {
  readonly server: { readonly proxy: Readonly<Record<string, Proxy>> };
}

/** The documented configuration with the addresses of this test; `change` is applied to each entry of the proxy. */
const documented = async (
  service: string,
  change: (entry: Proxy) => Proxy,
): Promise<Readonly<Record<string, Proxy>>> => {
  const moved = exampleCode('vite').replaceAll('http://127.0.0.1:4000', service);
  const { default: config } = (await import(`data:text/javascript,${encodeURIComponent(moved)}`)) as {
    default: ViteConfig;
  };
  return Object.fromEntries(Object.entries(config.server.proxy).map(([path, entry]) => [path, change(entry)]));
};

const serveVite = async (port: number, service: string, change: (entry: Proxy) => Proxy): Promise<void> => {
  const server = await createServer({
    configFile: false,
    logLevel: 'silent',
    root: new URL('../../fixtures/page', import.meta.url).pathname,
    server: {
      host: 'localhost',
      port,
      strictPort: true,
      watch: null,
      hmr: false,
      proxy: await documented(service, change),
    },
  });
  onTestFinished(() => server.close());
  await server.listen();
};

/** What a page at `address` gets over each transport from the service at `base`. */
const tried = async (address: string, base: string, runId: string): Promise<Readonly<Record<string, unknown>>> => {
  const { page, context } = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => context.close());
  await page.goto(address);
  return await page.evaluate(
    async ([url, id]) => {
      const query = `subscription { runLogs(runId: "${id}") { seq } }`;
      const post = (await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ __typename }' }),
      }).then(
        (response) => response.status,
        () => 'failed',
      )) as unknown;
      const download = await fetch(`${url}/runs/${id}/log.txt`).then(
        (response) => response.status,
        () => 'failed',
      );
      const socket = await new Promise((resolve) => {
        const ws = new WebSocket(
          `${new URL(url || '/', location.href).href.replace('http', 'ws').replace(/\/$/, '')}/graphql`,
          'graphql-transport-ws',
        );
        ws.onopen = () => ws.send('{"type":"connection_init"}');
        ws.onmessage = ({ data }) => resolve(JSON.parse(data).type);
        ws.onclose = () => resolve('failed');
        setTimeout(resolve, 10_000, 'nothing');
      });
      const events = await new Promise((resolve) => {
        const source = new EventSource(`${url}/graphql?query=${encodeURIComponent(query)}`);
        source.addEventListener('next', () => {
          source.close();
          resolve('next');
        });
        source.onerror = () => resolve('failed');
        setTimeout(resolve, 10_000, 'nothing');
      });
      return { post, download, socket, events };
    },
    [base, runId] as const,
  );
};

const WORKS = { post: 200, download: 200, socket: 'connection_ack', events: 'next' };

const opened = async (allowedOrigins: readonly string[] | null): Promise<{ api: TestApi; runId: string }> => {
  const api = await openHttp({ allowedOrigins });
  onTestFinished(() => api[Symbol.asyncDispose]());
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([finished()]);
  return { api, runId: writer.runId };
};

test.skipIf(!hasBrowser)(
  'a page of Vite works if its origin is in ALLOWED_ORIGINS: direct, and through its proxy with and without changeOrigin',
  async () => {
    const [port, other] = [await freePort(), await freePort()];
    const { api, runId } = await opened([`http://localhost:${port}`, `http://localhost:${other}`]);
    await serveVite(port, api.url, (entry) => entry);
    await serveVite(other, api.url, (entry) => ({ ...entry, changeOrigin: false }));
    expect(await tried(`http://localhost:${port}/`, api.url, runId)).toEqual(WORKS);
    expect(await tried(`http://localhost:${port}/`, '', runId)).toEqual(WORKS);
    expect(await tried(`http://localhost:${other}/`, '', runId)).toEqual(WORKS);
    expect(api.logged).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'if its origin is not in ALLOWED_ORIGINS, the log says what to set, and the documented proxy headers make it work',
  async () => {
    const [port, other] = [await freePort(), await freePort()];
    const { api, runId } = await opened(null);
    await serveVite(port, api.url, (entry) => entry);
    expect(await tried(`http://localhost:${port}/`, '', runId)).toMatchObject({ post: 403, socket: 'failed' });
    expect(api.logged).toMatchObject([{ origin: `http://localhost:${port}` }]);
    await serveVite(other, api.url, (entry) => ({ ...entry, headers: { origin: api.url }, rewriteWsOrigin: true }));
    expect(await tried(`http://localhost:${other}/`, '', runId)).toEqual(WORKS);
  },
);
