/**
 * Mutated messages over HTTP and WebSockets: the service answers each with a code of its catalogue or of HTTP, shows
 * nothing internal, logs no error, and keeps nothing. FUZZ_CASES=100000 tries a hundred thousand.
 */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { isErrorCode } from '../../src/domain/errors.ts';
import type { RunId } from '../../src/domain/ids.ts';
import type { Random } from '../faults/random.ts';
import { openHttp, post, type TestApi } from '../support/clients/http.ts';
import { openFuzz } from '../support/fuzz.ts';
import { createRun, finished, line, PlainWriter } from '../support/log.ts';
import { type Json, Mutations } from '../support/mutations.ts';
import { until } from '../support/runs/runs.ts';

const MIB = 1024 * 1024;
const { cases, random } = openFuzz(6000);
const mutations = new Mutations(random);
let api: TestApi;
let runId: RunId;
beforeAll(async () => {
  api = await openHttp();
  runId = await createRun(api.redis);
  const writer = await new PlainWriter(api.redis, runId).claim();
  await writer.append([line('one'), line('two')]);
  await writer.append([finished()]);
});
afterAll(() => api[Symbol.asyncDispose]());

const START = `mutation S($input: StartRunInput!) { startRun(input: $input) { run { id status labels { name value } } } }`;
/** What honest clients send. */
const payloads = (): readonly [Payload, ...Payload[]] => [
  { query: '{ runs(first: 3) { edges { cursor node { id status name } } pageInfo { hasNextPage endCursor } } }' },
  {
    query: 'query R($id: ID!) { run(id: $id) { id status lines failure { reason message } } }',
    variables: { id: runId },
  },
  {
    query:
      'query L($id: ID!, $filter: LogFilter) { run(id: $id) { logs(first: 10, filter: $filter) { endSeq events { __typename seq ... on LogLine { message fields } } } } }',
    variables: { id: runId, filter: { contains: 'o', levels: ['INFO'], streams: ['STDOUT'] } },
  },
  {
    query: START,
    variables: {
      input: {
        command: ['true', 'a'],
        name: 'n',
        env: [{ name: 'A', value: 'b', secret: true }],
        labels: [{ name: 'l', value: 'v' }],
        input: { a: [1, 2.5, { b: null }] },
        timeoutSeconds: 5,
        retry: { maxAttempts: 2 },
      },
    },
    operationName: 'S',
  },
  {
    query: 'mutation C($id: ID!) { cancelRun(input: { runId: $id, reason: "because" }) { run { status } } }',
    variables: { id: runId },
  },
  { query: '{ __schema { queryType { name fields { name } } } __type(name: "Run") { name } }' },
  { query: '{ node(id: "x") { id } ...F } fragment F on Query { runs(first: 1) { edges { cursor } } }' },
  { query: 'subscription ($id: ID!) { runLogs(runId: $id, after: 0) { seq } }', variables: { id: runId } },
  {
    query: 'subscription { runsUpdated { kind run { id } } }',
    extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } },
  },
];
type Payload = {
  readonly query: string;
  readonly variables?: { readonly [name: string]: Json };
  readonly operationName?: string;
  readonly extensions?: { readonly [name: string]: Json };
};

/** Nothing of this may be in an answer. */
const INTERNAL =
  /node:internal|node_modules|\.[mc]?[jt]s:\d+|\bat [\w.<>]+ \(|ioredis|redis:\/\/|TypeError|RangeError|undefined is not|Cannot read|is not a function/;

const shown = (text: string): string => text.slice(0, 2000);

/** Checks a text that came from the service: an answer, an event stream, or a message. */
const check = (sent: string, text: string): void => {
  // The pages of the service itself.
  if (text.includes('text/html') || text.startsWith('<')) return;
  const internal = INTERNAL.exec(text)?.[0];
  // The message of an error can repeat what was sent.
  if (internal !== undefined && !sent.includes(internal))
    expect.fail(`${internal} in ${shown(text)}, after ${shown(sent)}`);
  for (const [, code] of text.matchAll(/"code":"(\w+)"/g)) {
    if (!isErrorCode(code) || code === 'INTERNAL_SERVER_ERROR')
      expect.fail(`${code} in ${shown(text)}, after ${shown(sent)}`);
  }
};

const STATUSES: ReadonlySet<number> = new Set([200, 204, 400, 401, 403, 404, 405, 406, 408, 413, 415, 429, 431]);
const ACCEPTS = [
  'application/json',
  'application/graphql-response+json',
  'text/event-stream',
  '*/*',
  'x',
  'text/html;q=0.1',
] as const;
const agent = new Agent({ keepAlive: true });

/** One request. An event stream is left after its first bytes. */
const overHttp = (body: string, localAddress: string, own: Random): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers: Record<string, string> = {
      'content-type': own.pick([
        'application/json',
        'application/json',
        'application/json; charset=utf-8',
        'text/plain',
      ]),
      accept: own.pick(ACCEPTS),
      ...(own.between(0, 9) === 0 ? { 'last-event-id': own.pick(['1', '0', '99', 'end', '-1', 'x', '1e3']) } : {}),
    };
    const isGet = own.between(0, 9) === 0;
    const path = isGet
      ? `/graphql?${new URLSearchParams({ query: body.slice(0, 4000), variables: body.slice(0, 2000) })}`
      : '/graphql';
    const options = {
      host: '127.0.0.1',
      port: api.port,
      localAddress,
      agent,
      path,
      headers,
      method: isGet ? 'GET' : 'POST',
    };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (response.headers['content-type']?.startsWith('text/event-stream') && text.length > 2) response.destroy();
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        try {
          check(body, text);
          if (!STATUSES.has(response.statusCode ?? 0)) expect.fail(`${response.statusCode}: ${text}, after ${body}`);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('error', reject).end(isGet ? undefined : body);
  });

/** A request whose text is changed anywhere: method, target, headers, lengths, body. What it lacks is not sent later. */
const overRawHttp = async (body: string, localAddress: string, own: Random): Promise<void> => {
  const head = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n`;
  const text = mutations.text(`${own.pick(['POST', 'GET', 'PUT'])} /graphql HTTP/1.1\r\n${head}\r\n${body}`);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ port: api.port, host: '127.0.0.1', localAddress }, () => socket.end(text));
    let got = '';
    socket.on('data', (bytes) => {
      got += bytes.toString();
      if (got.includes('text/event-stream')) socket.destroy();
    });
    socket.on('error', () => undefined).on('close', () => resolve(got));
  });
  check(text, answer);
  if (/^HTTP\/1.1 5/.test(answer)) expect.fail(`${answer}, after ${text}`);
};

const CODES: ReadonlySet<number> = new Set([1000, 1002, 1007, 1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429]);
/** Messages of a socket before the next one is opened: the limit on messages is not what is tested. */
const PER_SOCKET = 2000;
const BATCH = 50;

/** Sends messages on one WebSocket until it is closed or has had enough. Returns how many. */
const overWebSocket = async (localAddress: string, most: number): Promise<number> => {
  const socket = new WebSocket(`ws://127.0.0.1:${api.port}/graphql`, 'graphql-transport-ws', { localAddress });
  let sent = '';
  let failure: unknown = null;
  let marks = 0;
  const waiting: { until: number; resolve: () => void }[] = [];
  const wake = (): void => {
    for (const { until: mark, resolve } of waiting) if (marks >= mark || socket.readyState > 1) resolve();
  };
  socket.on('error', () => undefined);
  socket.on('message', (bytes) => {
    const text = String(bytes);
    if (text.includes('"mark"')) marks += 1;
    try {
      check(sent, text);
    } catch (error) {
      failure ??= error;
    }
    wake();
  });
  socket.on('close', (code) => {
    if (!CODES.has(code) && code !== 1006) failure ??= new Error(`closed with ${code} after ${sent}`);
    wake();
  });
  await new Promise<void>((resolve) => socket.once('open', () => resolve()).once('close', () => resolve()));
  let count = 0;
  if (random.between(0, 19) > 0) socket.send('{"type":"connection_init"}');
  for (let batch = 1; count < most && socket.readyState === 1; batch += 1) {
    sent = '';
    for (let i = 0; i < BATCH && count < most; i += 1, count += 1) {
      const id = `${random.between(0, 9) === 0 ? 1 : count}`;
      const valid = random.pick([
        { id, type: 'subscribe', payload: random.pick(payloads()) },
        { id, type: 'subscribe', payload: random.pick(payloads()) },
        { id, type: 'complete' },
        { type: 'ping', payload: { a: 1 } },
      ]);
      // Nearly every changed envelope closes the socket, so mostly the payload is changed.
      const { payload } = valid as { readonly payload?: Payload };
      const changed = random.between(0, 19) > 0 && payload !== undefined;
      const text = changed
        ? `{"id":"${id}","type":"subscribe","payload":${mutations.json(payload)}}`
        : mutations.json(valid);
      sent += `${text}\n`;
      socket.send(text);
    }
    socket.send('{"type":"ping","payload":{"mark":1}}');
    await new Promise<void>((resolve) => {
      waiting.push({ until: batch, resolve });
      wake();
    });
  }
  socket.terminate();
  if (failure !== null) throw failure;
  return count;
};

/** Addresses, so that turns and limits do not slow the test down. */
const ADDRESSES = Array.from({ length: 4 }, (_, i) => `127.0.3.${i + 1}`);
/** One in so many HTTP requests is changed as a whole. */
const RAW = 10;

const httpLane = async (address: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) {
    const body = mutations.json(random.pick(payloads()));
    await (i % RAW === 0 ? overRawHttp(body, address, random) : overHttp(body, address, random));
  }
};
const socketLane = async (address: string, count: number): Promise<void> => {
  for (let done = 0; done < count; ) done += await overWebSocket(address, Math.min(PER_SOCKET, count - done));
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

/** A third of the cases over HTTP, the others over WebSockets. */
const fuzz = async (count: number): Promise<void> => {
  const each = Math.ceil(count / (3 * ADDRESSES.length));
  await Promise.all(ADDRESSES.flatMap((address) => [httpLane(address, each), socketLane(address, 2 * each)]));
};

test('what is changed is valid', async () => {
  for (const { query, variables } of payloads()) {
    if (!query.startsWith('subscription')) expect((await post(api.url, query, variables)).errors).toBeUndefined();
  }
});

test(`${cases} changed messages over HTTP and WebSockets: no crash, no 500, nothing internal, nothing kept`, async () => {
  await fuzz(cases / 5);
  const before = heap();
  await fuzz(cases - cases / 5);
  // What is left of the last sockets ends on its own.
  await until(
    async () => api.work(),
    ({ feeds, asking, commands }) => feeds + asking + commands === 0,
  );
  expect(heap() - before).toBeLessThan(MOST_KEPT);
  expect(api.logged.filter(({ level }) => Number(level) > WARN)).toEqual([]);
  expect((await post(api.url, '{ runs(first: 1) { edges { node { id } } } }')).data.runs.edges).toHaveLength(1);
}, 3_600_000);
/** The cache of documents has 16 MiB. */
const MOST_KEPT = 24 * MIB;
/** Level of pino. */
const WARN = 40;
