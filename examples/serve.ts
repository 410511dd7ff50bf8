/**
 * `npm run example:apollo`, `npm run example:urql`: bundles the page, serves it at http://127.0.0.1:4100 (PORT), and
 * forwards /graphql to the service at http://127.0.0.1:4000 (SERVICE), like the proxy of a development server.
 */
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const name = process.argv[2] ?? 'apollo';
const service = new URL(process.env.SERVICE ?? 'http://127.0.0.1:4000');

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL(`${name}/page.tsx`, import.meta.url))],
  bundle: true,
  write: false,
  minify: true,
  format: 'esm',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
});
const script = outputFiles[0]?.contents ?? new Uint8Array();
const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>runloom with ${name}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="data:text/css,${encodeURIComponent(`
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1f2328 }
  form, header { display: flex; gap: .5rem; align-items: center; margin-bottom: .75rem }
  input { flex: 1; font: 14px ui-monospace, monospace; padding: .45rem .6rem; border: 1px solid #d0d7de; border-radius: 6px }
  button { font: inherit; padding: .35rem .9rem; border: 1px solid #d0d7de; border-radius: 6px; background: #f6f8fa }
  output { padding: .1rem .6rem; border-radius: 1rem; background: #ddf4ff; color: #0550ae }
  p { margin: 0 0 .75rem; color: #59636e }
  .log { padding: .75rem; background: #0d1117; color: #e6edf3; border-radius: 8px; height: 26rem; overflow: auto;
         font: 13px/16px ui-monospace, monospace }
  ol { list-style: none; margin: 0; padding: 0; position: relative }
  li { position: absolute; white-space: pre; min-width: 100% }
  li > b { display: inline-block; margin-right: 1.5ch; text-align: right; color: #6e7681; font-weight: normal }
  .STDERR, .WARNING { color: #e3b341 } .ERROR, .CRITICAL { color: #ff7b72 } .note { color: #79c0ff }
`)}"><div id="root"></div><script type="module" src="/page.js"></script>`;

/** The page's request for the service, without the page's Origin, which the service does not know. */
const forwarded = ({ method, url, headers: { origin: _origin, ...headers } }: IncomingMessage) =>
  request({
    host: service.hostname,
    port: service.port,
    method,
    path: url,
    headers: { ...headers, host: service.host },
  });

const server = createServer((incoming, response) => {
  if (incoming.url === '/page.js') return void response.setHeader('content-type', 'text/javascript').end(script);
  if (incoming.url === '/') return void response.setHeader('content-type', 'text/html').end(page);
  const outgoing = forwarded(incoming);
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.writeHead(502).end());
  incoming.pipe(outgoing);
});
server.on('upgrade', (incoming, socket) => {
  const outgoing = forwarded(incoming).end();
  outgoing.on('upgrade', (answer, upstream) => {
    const lines = Object.entries(answer.headers).map(([header, value]) => `${header}: ${value}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  for (const event of ['error', 'response']) outgoing.on(event, () => socket.destroy());
  socket.on('error', () => outgoing.destroy());
});
server.listen(Number(process.env.PORT ?? 4100), '127.0.0.1', () => {
  process.stdout.write(`Example: http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
