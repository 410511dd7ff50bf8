/**
 * A heavy request of one client delays a light request of another by less than 100 ms. Measured as CPU time of the
 * thread that serves both, so that other work of the machine does not count.
 */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { RunId } from '../../src/domain/ids.ts';
import { openHttp, post, type TestApi } from '../support/clients/http.ts';
import { createRun, line, PlainWriter } from '../support/log.ts';
import { specOf } from '../support/runs/runs.ts';

const KIB = 1024;
const MOST_MS = 100;
/** A major garbage collection, which no turn divides, falls into one wait in fifty at most. */
const WITHOUT_COLLECTION = 0.98;
/** Light requests beside each heavy one. */
const WAITS = 100;
/** Heavy requests at once, from one address. */
const LANES = 4;
const HEAVY_ADDRESS = '127.0.0.9';
let api: TestApi;
let logOf: RunId;

beforeAll(async () => {
  api = await openHttp();
  const spec = specOf({
    command: ['true', 'c'.repeat(40 * KIB)],
    input: { text: 'i'.repeat(90 * KIB) },
    labels: [{ name: 'kind', value: 'heavy' }],
  });
  for (let i = 0; i < 500; i += 1) await api.api.runs.start({ spec, idempotencyKey: null });
  logOf = await createRun(api.redis);
  const writer = await new PlainWriter(api.redis, logOf).claim();
  for (let i = 0; i < 60; i += 1) await writer.append(Array.from({ length: 400 }, () => line('x'.repeat(800))));
}, 180_000);
afterAll(() => api[Symbol.asyncDispose]());

const aliased = (count: number, field: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `a${i}: ${field(i)}`).join(' ');
const FIELDS =
  'id name status image attempt maxAttempts createdAt startedAt lines bytes dropped lastSeq labels { name value }';
const logs = (more: string): string =>
  `{ run(id: "${logOf}") { ${aliased(4, (i) => `logs(first: 5000, after: ${i * 5000}${more}) { events { seq timestamp ... on LogLine { message } } }`)} } }`;

/** Sends a request from another address, and reads the answer without keeping it. */
const overHttp = (query: string, accept: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept };
    const options = { localAddress: HEAVY_ADDRESS, port: api.port, method: 'POST', path: '/graphql', headers };
    request({ host: '127.0.0.1', ...options }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end(JSON.stringify({ query }));
  });

const overWebSocket = (query: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${api.port}/graphql`, 'graphql-transport-ws', {
      localAddress: HEAVY_ADDRESS,
    });
    socket.on('error', reject).on('close', () => resolve());
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (bytes: Buffer) => {
      const start = bytes.subarray(0, 60).toString();
      if (start.includes('connection_ack')) {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
      } else if (!start.includes('"next"')) socket.close();
    });
  });

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** CPU time of this thread from a light request to its answer. */
const light = async (): Promise<number> => {
  const before = threadMs();
  const { data } = await post(api.url, '{ runs(first: 3) { edges { node { id } } } }');
  const spent = threadMs() - before;
  expect(data.runs.edges).toHaveLength(3);
  return spent;
};

const LIST = (): string => `{ ${aliased(4, () => `runs(first: 500) { edges { node { ${FIELDS} } } }`)} }`;
const INPUTS = (): string => '{ runs(first: 80) { edges { node { input } } } }';
const REFUSED = (): string => '{ runs(first: 500) { edges { node { input command } } } }';
const LOGS = (): string => logs('');
const FILTERED = (): string => logs(`, filter: { contains: "b${'x'.repeat(500)}" }`);
const JSON_ANSWER = (query: string): Promise<void> => overHttp(query, 'application/json');
const EVENTS = (query: string): Promise<void> => overHttp(query, 'text/event-stream');

test.each([
  ['2,000 runs with all their small fields', LIST, JSON_ANSWER],
  ['8 MiB of inputs', INPUTS, JSON_ANSWER],
  ['more than 8 MiB of inputs, which is refused', REFUSED, JSON_ANSWER],
  ['16 MiB of a log', LOGS, JSON_ANSWER],
  ['16 MiB of a log as server-sent events', LOGS, EVENTS],
  ['16 MiB of a log over a WebSocket', LOGS, overWebSocket],
  ['a search in 16 MiB of a log', FILTERED, JSON_ANSWER],
])(
  'while a client repeatedly requests %s, a light request of another client waits less than 100 ms',
  async (_what, query, ask) => {
    // Warm-up: the first runs of code are slower, and it is compiled meanwhile.
    await ask(query());
    await light();
    let over = false;
    const lane = async (): Promise<void> => {
      while (!over) await ask(query());
    };
    const heavy = Promise.all(Array.from({ length: LANES }, lane));
    const waits: number[] = [];
    for (let i = 0; i < WAITS; i += 1) waits.push(await light());
    over = true;
    await heavy;
    waits.sort((one, other) => one - other);
    expect(waits[Math.floor(waits.length * WITHOUT_COLLECTION) - 1]).toBeLessThan(MOST_MS);
  },
  120_000,
);
