import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, RawSocket, rawHttp, type TestApi } from '../../support/clients/http.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const START = JSON.stringify({ query: 'mutation { startRun(input: { command: ["true"] }) { run { id } } }' });

/** Sends a request with exactly these headers; fetch would add its own. */
const send = async (lines: readonly string[], body = '', method = 'POST', path = '/graphql') => {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Connection: close',
    ...lines,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const answer = await rawHttp(api.port, `${head.join('\r\n')}\r\n\r\n${body}`);
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
  return { status: Number(status), text: answer };
};
const json = 'Content-Type: application/json';
const runs = async () => Number(await api.redis.dbsize());

const FOREIGN = (port: number) => [
  'https://evil.example',
  'null',
  '',
  `http://127.0.0.1:${port}.evil.example`,
  `http://127.0.0.1.evil.example:${port}`,
  `http://127.0.0.1:${port + 1}`,
  'http://127.0.0.1',
  `https://127.0.0.1:${port}`,
  `http://user@127.0.0.1:${port}`,
  `HTTP://127.0.0.1:${port}`,
  `http://127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}, https://evil.example`,
  `http://[::2]:${port}`,
  'file://',
];

test('a page of a foreign origin starts no run, whatever it sends', async () => {
  const before = await runs();
  for (const origin of FOREIGN(api.port)) {
    const answer = await send([`Host: 127.0.0.1:${api.port}`, `Origin: ${origin}`, json], START);
    expect([origin, answer.status]).toEqual([origin, 403]);
    expect(answer.text).toContain('"code":"FORBIDDEN"');
    expect(answer.text).not.toMatch(/access-control-allow-origin/i);
  }
  expect(await runs()).toBe(before);
});

test('a foreign origin is refused at the upgrade, before 101', async () => {
  for (const origin of FOREIGN(api.port)) {
    const answer = await send(
      [
        `Host: 127.0.0.1:${api.port}`,
        `Origin: ${origin}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: graphql-transport-ws',
      ],
      '',
      'GET',
    );
    expect([origin, answer.status]).toEqual([origin, 403]);
  }
});

test('a Host that is not a name of the service is refused on every path and at the upgrade', async () => {
  const hosts = [
    'evil.example',
    `evil.example:${api.port}`,
    `127.0.0.1.evil.example:${api.port}`,
    '10.0.0.1',
    'localhost.',
    'a b',
  ];
  for (const host of hosts) {
    for (const path of ['/graphql', '/health', '/', '/runs/x/log.txt', '/nothing']) {
      expect([host, path, (await send([`Host: ${host}`], '', 'GET', path)).status]).toEqual([host, path, 403]);
    }
  }
  const socket = new RawSocket(api.url, { headers: { host: 'evil.example' } });
  await expect(socket.opened()).rejects.toThrow('403');
});

test('the loopback names are accepted as Host, on any port, and a request without Origin is not treated as a page', async () => {
  for (const host of [`localhost:${api.port}`, '127.0.0.1:8080', `[::1]:${api.port}`, 'LOCALHOST', '127.0.0.2']) {
    expect([host, (await send([`Host: ${host}`], '', 'GET', '/graphql?query={__typename}')).status]).toEqual([
      host,
      200,
    ]);
  }
});

test('a health probe is answered at any address or name, but not for a page of a foreign origin', async () => {
  for (const path of ['/health/live', '/health/ready']) {
    for (const host of [
      '10.244.0.7:4000',
      '[fd00::7]:4000',
      'runloom.default.svc:4000',
      'runloom.default.svc.',
      'a_b',
      '',
    ]) {
      for (const method of ['GET', 'HEAD']) {
        expect([path, host, (await send([`Host: ${host}`], '', method, path)).status]).toEqual([path, host, 200]);
      }
    }
    expect((await rawHttp(api.port, `GET ${path} HTTP/1.0\r\n\r\n`)).slice(9, 12)).toBe('200');
    expect((await send(['Host: 10.244.0.7', 'Origin: https://evil.example'], '', 'GET', path)).status).toBe(403);
  }
  for (const path of [
    '/health/../graphql?query={__typename}',
    '/health/%2e%2e/graphql',
    '//health/live',
    '/graphql?/health/live',
  ]) {
    expect([path, (await send(['Host: 10.244.0.7'], '', 'GET', path)).status]).toEqual([path, 403]);
  }
});

test('a refusal tells the client what was refused, and the log says once what to set', async () => {
  await using own = await openHttp();
  const ask = (headers: readonly string[], method = 'POST') =>
    rawHttp(own.port, `${method} /graphql HTTP/1.1\r\nConnection: close\r\n${headers.join('\r\n')}\r\n\r\n`);
  const host = `Host: 127.0.0.1:${own.port}`;
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  const remedy =
    "Add it to ALLOWED_ORIGINS to let its pages use the service, also through a development server's proxy";
  for (const [headers, method] of [
    [[host, 'Origin: http://localhost:5173'], 'POST'],
    [[host, 'Origin: http://localhost:5173', 'Access-Control-Request-Method: POST'], 'OPTIONS'],
    [[host, 'Origin: http://localhost:5173', ...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='], 'GET'],
  ] as const) {
    expect(await ask(headers, method)).toContain(`"message":"Origin not allowed: http://localhost:5173. ${remedy}."`);
  }
  const refused = await ask(['Host: evil.example']);
  expect(refused).toContain('"message":"Host not allowed: evil.example. Add it to ALLOWED_ORIGINS to serve it."');
  expect(own.logged).toMatchObject([
    { level: 40, origin: 'http://localhost:5173', msg: `Origin not allowed: ${remedy}` },
    { level: 40, host: 'evil.example', msg: 'Host not allowed: Add it to ALLOWED_ORIGINS to serve it' },
  ]);
  for (let i = 0; i < 300; i += 1) await ask([`Host: ${i}.${'x'.repeat(1000)}.example`]);
  expect(own.logged).toHaveLength(101);
  expect(own.logged.at(-1)?.msg).toContain('no more of them are logged');
  expect(Math.max(...own.logged.map((line) => JSON.stringify(line).length))).toBeLessThan(1000);
});

test("the loopback origins with the service's port are accepted, on HTTP with CORS and at the upgrade", async () => {
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
    const origin = `http://${name}:${api.port}`;
    const answer = await send([`Host: localhost:${api.port}`, `Origin: ${origin}`, json], '{"query":"{ __typename }"}');
    expect(answer.status).toBe(200);
    expect(answer.text.toLowerCase()).toContain(`access-control-allow-origin: ${origin}\r\n`);
    expect(answer.text).not.toMatch(/access-control-allow-credentials/i);
    await using socket = new RawSocket(api.url, { origin });
    await socket.ready();
  }
});

test('only allowed origins get an answer to a preflight', async () => {
  const preflight = (origin: string) =>
    send(
      [
        `Host: 127.0.0.1:${api.port}`,
        `Origin: ${origin}`,
        'Access-Control-Request-Method: POST',
        'Access-Control-Request-Headers: content-type, x-anything',
      ],
      '',
      'OPTIONS',
    );
  const allowed = await preflight(`http://localhost:${api.port}`);
  expect(allowed.status).toBe(204);
  expect(allowed.text.toLowerCase()).toContain(`access-control-allow-origin: http://localhost:${api.port}\r\n`);
  expect(allowed.text.toLowerCase()).toContain('access-control-allow-headers: content-type, x-anything\r\n');
  const refused = await preflight('https://evil.example');
  expect(refused.status).toBe(403);
  expect(refused.text).not.toMatch(/access-control/i);
});

test('a resource embedded by another site is refused although it has no Origin; a link to the service is not', async () => {
  const host = `Host: 127.0.0.1:${api.port}`;
  const embedded = await send(
    [host, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'],
    '',
    'GET',
    '/graphql?query={__typename}',
  );
  expect(embedded.status).toBe(403);
  const linked = await send(
    [host, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'],
    '',
    'GET',
    '/health/live',
  );
  expect(linked.status).toBe(200);
});

test("ALLOWED_ORIGINS adds to the service's own origins, and its names are accepted as Host", async () => {
  await using other = await openHttp({ allowedOrigins: ['https://runs.example.com', 'http://localhost:5173'] });
  const ask = async (headers: string[]) =>
    (
      await rawHttp(
        other.port,
        `GET /graphql?query={__typename} HTTP/1.1\r\nConnection: close\r\n${headers.join('\r\n')}\r\n\r\n`,
      )
    ).slice(9, 12);
  expect(await ask(['Host: runs.example.com', 'Origin: https://runs.example.com'])).toBe('200');
  expect(await ask(['Host: runs.example.com', 'Origin: http://runs.example.com'])).toBe('403');
  for (const name of ['localhost', '127.0.0.1', '[::1]']) {
    expect([name, await ask(['Host: localhost', `Origin: http://${name}:${other.port}`])]).toEqual([name, '200']);
  }
  expect(await ask(['Host: localhost:5173', 'Origin: http://localhost:5173'])).toBe('200');
  expect(await ask([`Host: 127.0.0.1:${other.port}`, 'Origin: http://localhost:5173'])).toBe('200');
  expect(await ask(['Host: localhost', 'Origin: http://localhost:5174'])).toBe('403');
  expect(await ask(['Host: other.example.com'])).toBe('403');
});

test("HOST with the actual port is one of the service's own origins", async () => {
  for (const host of ['127.0.0.2', '0.0.0.0', '::1']) {
    await using other = await openHttp({ host });
    const name = host.includes(':') ? `[${host}]` : host;
    const origin = `http://${name}:${other.port}`;
    const socket = new RawSocket(`http://${name}:${other.port}`, { origin });
    await socket.ready();
    await socket[Symbol.asyncDispose]();
    const answer = await fetch(`${origin}/graphql?query={__typename}`, { headers: { origin } });
    expect([host, answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([host, 200, origin]);
  }
});

test('form posts and mutations by GET are refused', async () => {
  const before = await runs();
  const host = `Host: 127.0.0.1:${api.port}`;
  const query = 'mutation { startRun(input: { command: ["true"] }) { run { id } } }';
  const forms: [string, string][] = [
    ['application/x-www-form-urlencoded', `query=${encodeURIComponent(query)}`],
    ['text/plain', START],
    ['text/plain;charset=UTF-8', START],
    [
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${START}\r\n--x--\r\n`,
    ],
    ['application/graphql', query],
    ['', START],
    ['text/plain, application/json', START],
  ];
  for (const [type, body] of forms) {
    const answer = await send([host, ...(type ? [`Content-Type: ${type}`] : [])], body);
    expect([type, answer.status]).toEqual([type, 415]);
    expect(answer.text).toContain('"code":"BAD_REQUEST"');
  }
  const get = await send([host, 'Accept: application/json'], '', 'GET', `/graphql?query=${encodeURIComponent(query)}`);
  expect(get.status).toBe(405);
  const events = await send(
    [host, 'Accept: text/event-stream'],
    '',
    'GET',
    `/graphql?query=${encodeURIComponent(query)}`,
  );
  expect(events.text).toContain('Can only perform a mutation operation from a POST request');
  expect(await runs()).toBe(before);
});
