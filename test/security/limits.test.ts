/**
 * Limits of callers and addresses from outside: two processes of the service on one Redis, with small limits. Each test has
 * callers and addresses of its own.
 */
import { request } from 'node:http';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { resumable } from '../../packages/client/src/resumable.ts';
import { queuedIndex } from '../../src/runs/records/indexKeys.ts';
import { type GraphqlError, RawSocket } from '../support/clients/http.ts';
import { JWT_SETTINGS, providerToken } from '../support/identity.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { until } from '../support/runs/runs.ts';
import { startService } from '../support/service.ts';

const ENV = {
  AUTH: 'jwt',
  ...JWT_SETTINGS,
  LIMIT_STARTS_PER_MINUTE: '4',
  LIMIT_STARTS_PER_MINUTE_PER_ADDRESS: '20',
  LIMIT_MESSAGES_PER_SECOND: '5',
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: '10',
  LIMIT_COST_PER_MINUTE: '10000',
  LIMIT_FAILED_LOGINS_PER_MINUTE: '5',
  MAX_SOCKETS_PER_CALLER: '3',
  MAX_SUBSCRIPTIONS_PER_CALLER: '4',
  MAX_DOCUMENT_COST: '2000',
  MAX_CONCURRENT_RUNS: '1',
};
const stack = new AsyncDisposableStack();
let redis: TestRedis;
let urls: readonly [string, string];
beforeAll(async () => {
  redis = stack.use(await startRedis());
  const env = { ...ENV, REDIS_URL: redis.url };
  const services = await Promise.all([startService({ env }), startService({ env })]);
  for (const service of services) stack.defer(() => service.stop());
  urls = [services[0].url, services[1].url];
}, 120_000);
afterAll(() => stack.disposeAsync());

interface Peer {
  readonly token: string;
  readonly address: string;
}
let peers = 0;
/** A caller at an address that nobody else has. */
const peer = async (): Promise<Peer> => {
  peers += 1;
  return { token: await providerToken({ sub: `caller-${peers}` }), address: `127.0.1.${peers}` };
};

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: { readonly data?: Record<string, unknown> | null; readonly errors?: readonly GraphqlError[] };
}

interface Asked extends Partial<Peer> {
  readonly query: string;
  readonly accept?: string;
}

const send = (url: string, { token, address, query, accept = 'application/json' }: Asked): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { 'content-type': 'application/json', accept, ...authorization };
    request(`${url}/graphql`, { method: 'POST', headers, localAddress: address }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const json = accept === 'application/json' ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? '{}');
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, retryAfter: got['retry-after'], body: JSON.parse(json) as Answer['body'] });
      });
    })
      .on('error', reject)
      .end(JSON.stringify({ query }));
  });

const START = 'mutation { startRun(input: { command: ["true"] }) { run { id } } }';
const repeated = (key: string): string => START.replace('["true"]', `["true"], idempotencyKey: "${key}"`);
const TYPE = '{ __typename }';

const retryAfterOf = ({ body }: Answer): unknown =>
  (body.errors?.[0]?.extensions as { retryAfterSeconds?: unknown })?.retryAfterSeconds;
const codeOf = ({ body }: Answer): string | undefined => body.errors?.[0]?.extensions.code;

const socketOf = ({ token, address }: Peer, url = urls[0]): RawSocket => {
  const socket = new RawSocket(url, { localAddress: address, headers: { authorization: `Bearer ${token}` } });
  onTestFinished(() => socket[Symbol.asyncDispose]());
  return socket;
};
const RETRY = /^.{1,100}: retry after (\d+) s$/;

test('S11, S11a: two processes together start as many runs of a caller in a minute as its limit allows', async () => {
  const me = await peer();
  const first = await send(urls[0], { ...me, query: repeated('one') });
  const { id } = (first.body.data as unknown as { startRun: { run: { id: string } } }).startRun.run;
  const again = await send(urls[1], { ...me, query: repeated('one') });
  expect(again.body).toEqual(first.body);
  const retry = `mutation { retryRun(input: { runId: "${id}" }) { run { id } } }`;
  for (const [i, query] of [retry, START, START].entries()) {
    expect((await send(urls[i % 2 === 0 ? 0 : 1], { ...me, query })).body.errors).toBeUndefined();
  }
  for (const url of urls) {
    for (const query of [START, retry]) {
      const refused = await send(url, { ...me, query });
      expect([refused.status, codeOf(refused)]).toEqual([200, 'LIMIT_EXCEEDED']);
      expect(retryAfterOf(refused)).toSatisfy((seconds: number) => seconds >= 1 && seconds <= 60);
    }
    expect((await send(url, { ...me, query: repeated('one') })).body).toEqual(first.body);
  }
  // Over a WebSocket and as an event stream too; others are not concerned.
  const socket = await socketOf(me).ready();
  socket.subscribe('1', START);
  expect(JSON.stringify(await socket.until(({ id }) => id === '1'))).toContain('"retryAfterSeconds"');
  expect(codeOf(await send(urls[0], { ...me, query: START, accept: 'text/event-stream' }))).toBe('LIMIT_EXCEEDED');
  const other = await peer();
  expect((await send(urls[0], { ...other, query: START })).body.errors).toBeUndefined();
  // A run that is started leaves the queue of its tenant.
  const connection = await redis.connect();
  await until(
    () => connection.zscore(queuedIndex('default'), id),
    (score) => score === null,
  );
});

test('S11a: one address starts at most so many runs in a minute, whoever its callers are', async () => {
  const { address } = await peer();
  const started: Answer[] = [];
  for (let i = 0; i < 6; i += 1) {
    const { token } = await peer();
    const sent = [0, 1, 2, 3].map((j) => send(urls[j % 2 === 0 ? 0 : 1], { token, address, query: START }));
    started.push(...(await Promise.all(sent)));
  }
  expect(started.filter(({ body }) => body.errors === undefined)).toHaveLength(20);
  expect(started.filter((one) => codeOf(one) === 'LIMIT_EXCEEDED' && retryAfterOf(one) !== undefined)).toHaveLength(4);
});

test('S11b: a caller or address with too many requests gets 429 with Retry-After from every process, others are answered', async () => {
  for (const greedy of [(one: Peer, other: Peer) => ({ ...one, token: other.token }), (one: Peer) => one]) {
    const [one, other] = [await peer(), await peer()];
    const refused = await until(
      async () => {
        const { token } = await peer();
        const who = greedy(one, { ...one, token });
        const answers = await Promise.all(Array.from({ length: 120 }, () => send(urls[0], { ...who, query: TYPE })));
        return answers.find(({ status }) => status !== 200) ?? null;
      },
      (answer) => answer !== null,
    );
    expect([refused?.status, refused && codeOf(refused)]).toEqual([429, 'LIMIT_EXCEEDED']);
    expect(refused?.retryAfter).toMatch(/^([1-9]|10)$/);
    expect(refused && retryAfterOf(refused)).toBe(Number(refused?.retryAfter));
    expect((await send(urls[0], { ...other, query: TYPE })).status).toBe(200);
  }
});

test('S11b: a WebSocket of a caller with too many messages is closed with 4429 and a time; health probes are answered', async () => {
  const me = await peer();
  const socket = await socketOf(me).ready();
  const pings = setInterval(() => socket.socket.readyState === 1 && socket.send({ type: 'ping' }), 1);
  onTestFinished(() => clearInterval(pings));
  for (let i = 0; i < 150; i += 1) socket.send({ type: 'ping' });
  const { code, reason } = await socket.closed;
  expect(code).toBe(4429);
  expect(reason).toMatch(RETRY);
  // The same caller is refused over HTTP, in the other process too.
  const elsewhere = await until(
    async () => await send(urls[1], { ...me, address: '127.0.0.1', query: TYPE }),
    ({ status }) => status === 429,
  );
  expect(codeOf(elsewhere)).toBe('LIMIT_EXCEEDED');
  expect((await fetch(`${urls[0]}/health/live`)).status).toBe(200);
});

test('S11c: a document over the bound of cost is refused on every transport, before anything is read', async () => {
  const me = await peer();
  const query = '{ runs(first: 500) { edges { node { logs(first: 5000) { events { seq } } } } } }';
  const answer = await send(urls[0], { ...me, query });
  expect([codeOf(answer), retryAfterOf(answer), answer.body.data]).toEqual(['LIMIT_EXCEEDED', undefined, undefined]);
  expect(answer.body.errors?.[0]?.message).toContain('at most 2000 (MAX_DOCUMENT_COST)');
  expect(codeOf(await send(urls[0], { ...me, query, accept: 'text/event-stream' }))).toBe('LIMIT_EXCEEDED');
  const socket = await socketOf(me).ready();
  socket.subscribe('1', query);
  expect(await socket.until(({ id }) => id === '1')).toMatchObject({
    type: 'error',
    payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
  });
});

test('S11c: documents that cost too much together are refused with a time, over both processes', async () => {
  const me = await peer();
  const query = '{ runs(first: 500) { edges { cursor } } }';
  const refused = await until(
    () => send(urls[0], { ...me, query }),
    ({ status }) => status !== 200,
  );
  expect([refused.status, codeOf(refused)]).toEqual([429, 'LIMIT_EXCEEDED']);
  expect(Number(refused.retryAfter)).toBe(retryAfterOf(refused));
  const other = await until(
    () => send(urls[1], { ...me, query }),
    ({ status }) => status !== 200,
  );
  expect(other.status).toBe(429);
});

test('S11d: a caller has at most so many WebSockets over both processes, and a place is free when one is closed', async () => {
  const me = await peer();
  const open = await Promise.all([urls[0], urls[1], urls[0]].map((url) => socketOf(me, url).ready()));
  for (const url of urls) {
    const { code, reason } = await (async () => {
      const socket = await socketOf(me, url).opened();
      socket.send({ type: 'connection_init' });
      return await socket.closed;
    })();
    expect([code, RETRY.exec(reason)?.[1]]).toEqual([4429, '5']);
  }
  await open[0]?.[Symbol.asyncDispose]();
  await until(
    () =>
      socketOf(me, urls[1])
        .ready()
        .then(
          () => true,
          () => false,
        ),
    (opened) => opened,
  );
});

test('S11d: a caller has at most so many subscriptions over both processes and transports, and one that ends makes room', async () => {
  const me = await peer();
  const query = 'subscription { runsUpdated { kind } }';
  const sockets = await Promise.all(urls.map((url) => socketOf(me, url).ready()));
  for (const socket of sockets) {
    for (const id of ['1', '2']) {
      socket.subscribe(id, query);
      await socket.until((message) => message.id === id && message.type === 'next');
    }
  }
  const [socket] = sockets;
  socket?.subscribe('3', query);
  expect(await socket?.until(({ id }) => id === '3')).toMatchObject({
    type: 'error',
    payload: [{ extensions: { code: 'LIMIT_EXCEEDED', retryAfterSeconds: 5 } }],
  });
  const stream = await send(urls[0], { ...me, query, accept: 'text/event-stream' });
  expect([stream.status, codeOf(stream), retryAfterOf(stream)]).toEqual([200, 'LIMIT_EXCEEDED', 5]);
  socket?.send({ id: '1', type: 'complete' });
  let tries = 3;
  await until(
    async () => {
      tries += 1;
      sockets[1]?.subscribe(`${tries}`, query);
      return await sockets[1]?.until(({ id }) => id === `${tries}`);
    },
    (message) => message?.type === 'next',
  );
});

test('S11e: an address with too many wrong tokens gets 429 and 4429; tokens that were right before still pass', async () => {
  const me = await peer();
  expect((await send(urls[0], { ...me, query: TYPE })).status).toBe(200);
  const wrong = (name: string): Asked => ({ ...me, token: `wrong-${name}`, query: TYPE });
  // The same wrong token again and again is not a guess.
  for (let i = 0; i < 20; i += 1) expect((await send(urls[0], wrong('old'))).status).toBe(401);
  for (let i = 0; i < 4; i += 1) expect((await send(urls[i % 2 === 0 ? 0 : 1], wrong(`${i}`))).status).toBe(401);
  for (const url of urls) {
    const refused = await send(url, wrong(`too many at ${url.length}`.replaceAll(' ', '-')));
    expect([refused.status, codeOf(refused)]).toEqual([429, 'LIMIT_EXCEEDED']);
    expect(Number(refused.retryAfter)).toBe(retryAfterOf(refused));
  }
  const socket = await socketOf({ ...me, token: 'wrong-too' }).opened();
  socket.send({ type: 'connection_init' });
  const { code, reason } = await socket.closed;
  expect([code, RETRY.test(reason)]).toEqual([4429, true]);
  expect((await send(urls[0], { ...me, query: TYPE })).status).toBe(200);
  await (await socketOf(me).ready())[Symbol.asyncDispose]();
  // Somebody new behind the same address.
  const { token } = await peer();
  expect((await send(urls[0], { token, address: me.address, query: TYPE })).status).toBe(200);
});

test('S11: resumable waits as long as the service asks, for its socket and for its subscription', async () => {
  const me = await peer();
  const held = await Promise.all([0, 1, 2].map(() => socketOf(me).ready()));
  const reasons: (string | null)[] = [];
  const client = resumable(
    createClient({
      url: `${urls[1].replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: `Bearer ${me.token}` },
    }),
    { maxPauseMs: 100, onState: (_state, _payload, { reason }) => reasons.push(reason) },
  );
  onTestFinished(() => void client.dispose());
  let at = 0;
  const begun = performance.now();
  const first = new Promise<void>((resolve, reject) => {
    client.subscribe(
      { query: 'subscription { runsUpdated { kind } }' },
      {
        next: () => {
          at = performance.now();
          resolve();
        },
        error: reject,
        complete: () => undefined,
      },
    );
  });
  await until(
    () => Promise.resolve(reasons.find((reason) => reason?.includes('retry after')) ?? null),
    (reason) => reason !== null,
  );
  await held[0]?.[Symbol.asyncDispose]();
  await first;
  expect(at - begun).toBeGreaterThan(4990);
}, 60_000);
