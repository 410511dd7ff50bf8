/** Behind Debian's nginx with its default proxy settings, and what other proxies and load balancers need. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, startBrowser } from '../../support/clients/browser.ts';
import { follow, wsClient } from '../../support/clients/client.ts';
import { openHttp, post, rawHttp, type TestApi } from '../../support/clients/http.ts';
import { exampleCode } from '../../support/documents.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { freePort } from '../../support/network/ports.ts';

const NGINX = '/usr/sbin/nginx';
const hasNginx = existsSync(NGINX);

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const untilAnswers = async (port: number): Promise<void> => {
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/health/live`).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 20_000 },
    )
    .toBe(200);
};

/** Starts nginx with these directives in its server block, and returns its port. */
const startNginx = async (server: string): Promise<number> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  await writeFile(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log;
    events {}
    http {
      access_log off; ${temporary.join(' ')}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server { listen 127.0.0.1:${port}; ${server} }
    }`,
  );
  const child = spawn(
    NGINX,
    ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', join(directory, 'error.log')],
    {
      stdio: 'ignore',
    },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGQUIT');
    setTimeout(() => child.kill('SIGKILL'), 2000).unref();
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  await untilAnswers(port);
  return port;
};

const defaults = (): string => `location / { proxy_pass ${api.url}; }`;
const compressing = (): string => `gzip on; gzip_types *; gzip_min_length 1; ${defaults()}`;

test.skipIf(!hasNginx)('each event comes through nginx before the next one is written, compressed or not', async () => {
  for (const [server, encoding] of [
    [defaults(), null],
    [compressing(), 'gzip'],
  ] as const) {
    const port = await startNginx(server);
    for (const query of ['runLogs(runId: $id) { seq }', 'runLogBatches(runId: $id) { events { seq } }']) {
      const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
      const leaving = new AbortController();
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'accept-encoding': 'gzip' },
        body: JSON.stringify({ query: `subscription ($id: ID!) { ${query} }`, variables: { id: writer.runId } }),
        signal: leaving.signal,
      });
      expect([response.status, response.headers.get('content-encoding')]).toEqual([200, encoding]);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.fail('no body');
      let text = '';
      for (let seq = 2; seq <= 4; seq += 1) {
        await writer.lines(1);
        while (!text.includes(`"seq":${seq}`)) text += (await reader.read()).value ?? expect.fail('it ended');
      }
      leaving.abort();
    }
  }
});

test.skipIf(!hasNginx)('the documented nginx configuration passes on GraphQL, WebSockets and downloads', async () => {
  const documented = exampleCode('nginx').replaceAll('http://127.0.0.1:4000', api.url);
  const port = await startNginx(`location = /health/live { proxy_pass ${api.url}; }\n${documented}`);
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.lines(1);
  await writer.append([finished()]);
  const base = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${base}/graphql?query=${encodeURIComponent('{ __typename }')}`);
  expect(await answer.json()).toEqual({ data: { __typename: 'Query' } });
  const { events } = await follow(wsClient(base), writer.runId);
  expect(events.at(-1)).toMatchObject({ __typename: 'RunFinished' });
  const download = await fetch(`${base}/runs/${writer.runId}/log.ndjson`);
  expect((await download.text()).trim().split('\n')).toHaveLength(events.length);
});

test('S7a: streamed answers tell proxies not to buffer or change them, and have each header once', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([finished()]);
  const query = encodeURIComponent(`subscription { runLogs(runId: "${writer.runId}") { seq } }`);
  for (const [path, accept] of [
    [`/graphql?query=${query}`, 'text/event-stream'],
    [`/graphql?query=${encodeURIComponent('{ __typename }')}`, 'text/event-stream'],
    [`/runs/${writer.runId}/log.txt`, '*/*'],
    [`/runs/${writer.runId}/log.ndjson`, '*/*'],
  ]) {
    const text = await rawHttp(
      api.port,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`,
    );
    const lines = text.slice(0, text.indexOf('\r\n\r\n')).toLowerCase().split('\r\n').slice(1);
    expect(lines).toContain('x-accel-buffering: no');
    expect(lines.filter((line) => line.startsWith('cache-control:'))).toEqual([
      'cache-control: no-store, no-transform',
    ]);
    const names = lines.map((line) => line.split(':')[0]);
    expect(new Set(names).size).toBe(names.length);
  }
});

test('a connection is kept for 75 s, longer than load balancers keep theirs, and still works after 6 s without use', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: 60_000 });
  const ask = (): Promise<{ keepAlive: unknown; port: number | undefined }> =>
    new Promise((resolve, reject) => {
      get({ port: api.port, host: '127.0.0.1', path: '/health/live', agent }, (response) => {
        const { localPort: port } = response.socket;
        response.resume().once('end', () => resolve({ keepAlive: response.headers['keep-alive'], port }));
      }).once('error', reject);
    });
  const first = await ask();
  expect(first.keepAlive).toBe('timeout=75');
  // Node.js closes idle connections after 5 s by default; the test is about this time, so it must wait.
  await delay(6500);
  expect(await ask()).toEqual(first);
  agent.destroy();
});

test('a stop closes idle connections at once, and busy ones as soon as they are idle', async () => {
  let answer = (_reason: null): void => undefined;
  const asked = Promise.withResolvers<void>();
  await using other = await openHttp({
    ready: () =>
      new Promise((resolve) => {
        answer = resolve;
        asked.resolve();
      }),
  });
  const idle = rawHttp(other.port, 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const busy = rawHttp(other.port, 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;
  const closed = other.http.close();
  expect(await idle).toMatch(/^HTTP\/1.1 200 /);
  const before = performance.now();
  answer(null);
  expect(await busy).toMatch(/^HTTP\/1.1 200 OK[\s\S]*"ready"/);
  await closed;
  // Faster than STOP_MS, after which connections are cut.
  expect(performance.now() - before).toBeLessThan(2500);
});

test.skipIf(!hasNginx || !hasBrowser)('behind a path prefix, GraphiQL stays below the prefix', async () => {
  const port = await startNginx(`location = /health/live { proxy_pass ${api.url}; }
    location /logs/ { proxy_pass ${api.url}/; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      proxy_set_header Origin ""; }`);
  await using browser = await startBrowser();
  const { page, requests, faults } = await browser.open();
  await page.goto(`http://127.0.0.1:${port}/logs/graphql`);
  const { data } = await post(api.url, 'mutation { startRun(input: { command: ["true"] }) { run { id } } }');
  await page.locator('.graphiql-tab-button', { hasText: 'Follow' }).click();
  await page.locator('.graphiql-tab-active', { hasText: 'Follow' }).waitFor();
  const shown = page.locator('.graphiql-response', { hasText: 'PENDING' });
  await expect
    .poll(
      async () => {
        if (await page.getByRole('button', { name: 'Execute query' }).isVisible()) {
          await page.getByRole('button', { name: 'Execute query' }).click();
        }
        return await shown.isVisible();
      },
      { timeout: 40_000, interval: 2000 },
    )
    .toBe(true);
  expect(data.startRun.run.id).toBeTruthy();
  const asked = requests.filter((url) => /^(http|ws)/.test(url)).map((url) => new URL(url).pathname);
  expect(asked.filter((path) => !path.startsWith('/logs/'))).toEqual([]);
  expect(requests.some((url) => url.startsWith('ws'))).toBe(true);
  expect(faults).toEqual([]);
});

test('a request that accepts no available media type gets 406 with the list of these types', async () => {
  const subscription = 'subscription { runsUpdated { kind } }';
  // What HttpLink of Apollo Client sends with a subscription.
  const apollo = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json';
  for (const [query, accept] of [
    [subscription, apollo],
    [subscription, 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'],
    [subscription, 'application/json'],
    ['{ __typename }', 'image/png'],
  ] as const) {
    const { status, errors, headers } = await post(api.url, query, {}, { accept });
    expect([accept, status, headers.get('content-type')]).toEqual([accept, 406, 'application/json; charset=utf-8']);
    expect(errors?.[0]?.message).toContain('subscriptions as text/event-stream');
    expect(errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  }
  expect((await post(api.url, '{ __typename }', {}, { accept: apollo })).data).toEqual({ __typename: 'Query' });
});
