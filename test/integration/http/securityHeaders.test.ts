import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, rawHttp, type TestApi } from '../../support/clients/http.ts';
import { createRun } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** The status and the headers of an answer, as they are on the wire. */
const ask = async (lines: readonly string[], body = '') => {
  const answer = await rawHttp(api.port, `${[...lines, 'Connection: close', '', ''].join('\r\n')}${body}`);
  const [head = ''] = answer.split('\r\n\r\n');
  const [first = '', ...rest] = head.split('\r\n');
  const headers = rest
    .map((line) => line.split(/: (.*)/s).slice(0, 2))
    .map(([name = '', value]) => [name.toLowerCase(), value]);
  return {
    status: Number(first.split(' ')[1]),
    names: headers.map(([name]) => name),
    headers: Object.fromEntries(headers),
  };
};

const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
const POST = (body: string) => ['Content-Type: application/json', `Content-Length: ${body.length}`];
const host = 'Host: 127.0.0.1';

test('P1, P1a: every answer has the headers that protect browsers, whatever was asked and however it failed', async () => {
  const id = await createRun(api.redis);
  const query = '{"query":"{ __typename }"}';
  const cases: [status: number, lines: string[], body?: string][] = [
    [200, ['GET /health/live HTTP/1.1', host]],
    [200, ['GET /health/ready HTTP/1.1', host]],
    [200, ['HEAD /health/live HTTP/1.1', host]],
    [404, ['GET / HTTP/1.1', host]],
    [404, ['GET /assets/none.js HTTP/1.1', host]],
    [404, ['GET /nothing HTTP/1.1', host]],
    [204, ['OPTIONS /graphql HTTP/1.1', host]],
    [204, ['OPTIONS /nothing HTTP/1.1', host]],
    [200, ['GET /graphql HTTP/1.1', host, 'Accept: text/html', 'Accept-Encoding: br']],
    [200, ['POST /graphql HTTP/1.1', host, ...POST(query)], query],
    [200, ['GET /graphql?query={__typename} HTTP/1.1', host, 'Accept: text/event-stream']],
    [204, ['GET /graphql?query={__typename} HTTP/1.1', host, 'Accept: text/event-stream', 'Last-Event-ID: end']],
    [400, ['GET /graphql HTTP/1.1', host, 'Accept: application/graphql-response+json']],
    [406, ['GET /graphql?query={__typename} HTTP/1.1', host, 'Accept: image/png']],
    [405, ['PUT /graphql HTTP/1.1', host, ...POST(query)], query],
    [415, ['POST /graphql HTTP/1.1', host, 'Content-Type: text/plain', `Content-Length: ${query.length}`], query],
    [413, ['POST /graphql HTTP/1.1', host, 'Content-Type: application/json', 'Content-Length: 99999999']],
    [200, [`GET /runs/${id}/log.txt HTTP/1.1`, host]],
    [200, [`GET /runs/${id}/log.ndjson HTTP/1.1`, host]],
    [400, [`GET /runs/${id}/log.txt?x HTTP/1.1`, host]],
    [405, [`DELETE /runs/${id}/log.txt HTTP/1.1`, host]],
    [404, ['GET /runs/none/log.txt HTTP/1.1', host]],
    [403, ['GET / HTTP/1.1', 'Host: evil.example']],
    [403, ['GET / HTTP/1.1', host, 'Origin: https://evil.example']],
    [400, ['GET http://[ HTTP/1.1', host]],
    [400, ['GET / HTTP/1.1']],
    [400, ['nonsense']],
    [417, ['POST /graphql HTTP/1.1', host, 'Expect: the unexpected', ...POST(query)], query],
    [431, ['GET / HTTP/1.1', host, `X: ${'x'.repeat(20_000)}`]],
    [400, ['GET /graphql HTTP/1.1', host, ...UPGRADE]],
    [400, ['GET /graphql HTTP/1.1', host, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 99']],
    [403, ['GET /graphql HTTP/1.1', 'Host: evil.example', ...UPGRADE]],
    [404, ['GET /nothing HTTP/1.1', host, ...UPGRADE]],
  ];
  for (const [status, lines, body] of cases) {
    const answer = await ask(lines, body);
    expect([lines[0], answer.status, answer.headers]).toMatchObject([lines[0], status, HEADERS]);
    expect(answer.names, lines[0]).toEqual([...new Set(answer.names)]);
    const { 'content-security-policy': policy = '', 'cache-control': cache = '' } = answer.headers;
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
      expect([lines[0], policy.split('; ')]).toEqual([lines[0], expect.arrayContaining([part])]);
    }
    expect(/script-src[^;]*'unsafe-(?:inline|eval)'/.test(policy), lines[0]).toBe(false);
    if (lines.includes('Accept: text/html')) expect(cache).toBe('no-cache');
    else expect([lines[0], cache]).toEqual([lines[0], expect.stringMatching(/^no-store(, no-transform)?$/)]);
  }
});
