/** Every error code of PROTOCOL.md, section 7, and every close code of section 8, as clients receive it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server } from 'graphql-ws';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Backlog } from '../../src/delivery/sinks/backlog.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/domain/errors.ts';
import { refuseOnSocket } from '../../src/http/rawAnswers.ts';
import { KEEP_ALIVE } from '../../src/http/sockets/keepAlive.ts';
import type { SocketExtra } from '../../src/http/sockets/operations.ts';
import { GraphqlSockets } from '../../src/http/sockets/websocket.ts';
import { logKey } from '../../src/wire/keys.ts';
import { openHttp, post, RawSocket, rawHttp, type TestApi } from '../support/clients/http.ts';
import { readDocument, tableRows } from '../support/documents.ts';
import { lockedAdmission, providerToken } from '../support/identity.ts';
import { createRun } from '../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

type Codes = readonly (string | undefined)[];

/** The error codes in a response over HTTP or as server-sent events. */
const codesIn = (text: string): string[] => [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code ?? '');

const asEvents = async (query: string, variables: object): Promise<string> => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
  });
  return await response.text();
};

/** The first code by HTTP, by server-sent events and by WebSocket. */
const everywhere = async (query: string, variables: Record<string, unknown> = {}): Promise<Codes> => {
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', query, variables);
  const [http, events, message] = await Promise.all([
    post(api.url, query, variables),
    asEvents(query, variables),
    socket.until(({ id }) => id === '1'),
  ]);
  return [http.errors?.[0]?.extensions.code, codesIn(events)[0], codesIn(JSON.stringify(message))[0]];
};

const sendBody = async (accept: string): Promise<string> => {
  const headers = { 'content-type': 'application/json', accept };
  return await (await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: 'no JSON' })).text();
};

const fromElsewhere = (head: string): Promise<string> =>
  rawHttp(api.port, `GET /graphql HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n${head}\r\n\r\n`);

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
const ID = '00000000-0000-7000-8000-000000000000';
/** The codes of requests with the id of an unknown document. */
const byId = async (url: string): Promise<Codes> => {
  await using socket = await new RawSocket(url).ready();
  socket.send({ type: 'subscribe', id: '1', payload: { documentId: 'unknown' } });
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ documentId: 'unknown' });
  const asked = ['*/*', 'text/event-stream'].map((accept) =>
    fetch(`${url}/graphql`, { method: 'POST', headers: { ...headers, accept }, body }).then((answer) => answer.text()),
  );
  const message = await socket.until(({ id }) => id === '1');
  return [...(await Promise.all(asked)), JSON.stringify(message)].map((text) => codesIn(text)[0]);
};

const RUN = 'query ($id: ID!) { run(id: $id) { id } }';

const provoke: Readonly<Record<ErrorCode, () => Promise<Codes>>> = {
  BAD_USER_INPUT: () => everywhere('{ runs(first: 501) { edges { cursor } } }'),
  NOT_FOUND: () => everywhere(`mutation { cancelRun(input: { runId: "${ID}" }) { run { id } } }`),
  CONFLICT: async () => {
    const id = await createRun(api.redis);
    return await everywhere(`mutation { deleteRun(input: { runId: "${id}" }) { deletedRunId } }`);
  },
  // On a WebSocket, close codes 4401 and 4403 take its place.
  UNAUTHENTICATED: async () => {
    await using other = await openHttp({ admission: lockedAdmission() });
    const asked = ['*/*', 'text/event-stream'].map((accept) =>
      fetch(`${other.url}/graphql?query={__typename}`, { headers: { accept } }).then((answer) => answer.text()),
    );
    return (await Promise.all(asked)).map((answer) => codesIn(answer)[0]);
  },
  FORBIDDEN: async () => {
    const heads = ['Connection: close', 'Connection: close\r\nAccept: text/event-stream', UPGRADE];
    return (await Promise.all(heads.map(fromElsewhere))).map((answer) => codesIn(answer)[0]);
  },
  LIMIT_EXCEEDED: () => everywhere(`{ ${'__typename '.repeat(2100)} }`),
  UNAVAILABLE: async () => {
    const id = await createRun(api.redis);
    process.kill(api.server.pid, 'SIGSTOP');
    try {
      return await everywhere(RUN, { id });
    } finally {
      process.kill(api.server.pid, 'SIGCONT');
    }
  },
  GRAPHQL_PARSE_FAILED: () => everywhere('{'),
  GRAPHQL_VALIDATION_FAILED: () => everywhere('{ nothing }'),
  OPERATION_RESOLUTION_FAILURE: () => everywhere('query a { __typename } query b { __typename }'),
  PERSISTED_QUERY_NOT_FOUND: async () => {
    await using other = await openHttp({ manifest: new Map([['known', '{ __typename }']]) });
    return await byId(other.url);
  },
  PERSISTED_QUERY_NOT_SUPPORTED: () => byId(api.url),
  // On a WebSocket, close code 4400 takes its place.
  BAD_REQUEST: async () => [...codesIn(await sendBody('*/*')), ...codesIn(await sendBody('text/event-stream'))],
  INTERNAL_SERVER_ERROR: async () => {
    const id = await createRun(api.redis);
    await api.redis.del(logKey(id));
    await api.redis.set(logKey(id), 'not a log');
    return await everywhere('query ($id: ID!) { run(id: $id) { logs { endSeq } } }', { id });
  },
};

test.each(ERROR_CODES)('X1: clients get %s over HTTP, server-sent events and WebSocket', async (code) => {
  const codes = await provoke[code]();
  expect(codes.length).toBeGreaterThanOrEqual(2);
  expect(codes).toEqual(codes.map(() => code));
});

/** Sends raw bytes as a frame; no library would send them. */
const sendFrame = (socket: RawSocket, bytes: readonly number[]): void => {
  const { _socket: raw } = socket.socket as unknown as { readonly _socket: { write(bytes: Buffer): void } };
  raw.write(Buffer.from(bytes));
};
const MASKED = 0x80;
const NO_MASK = [0, 0, 0, 0];

/** A server whose message handler fails. No message is known that makes the real one fail. */
const faulty = async (): Promise<string> => {
  const operations: Server<SocketExtra> = {
    opened: (socket) => {
      socket.onMessage(() => Promise.reject(new Error('a fault')));
      return () => Promise.resolve();
    },
  };
  const bounds = { perAddress: 1, all: 1 };
  const logger = pino({ level: 'silent' });
  const backlog = new Backlog();
  const refuse = refuseOnSocket;
  const sockets = new GraphqlSockets({ operations, logger, keepAlive: KEEP_ALIVE, backlog, bounds, refuse });
  const server = createServer().on('upgrade', (request, socket, head) => sockets.accept(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Each function returns a socket that the service closes with the code. */
const closing: Readonly<Record<number, () => Promise<RawSocket>>> = {
  1001: async () => {
    await using other = await openHttp();
    const socket = await new RawSocket(other.url).ready();
    await other.http.close();
    return socket;
  },
  1002: async () => {
    const socket = await new RawSocket(api.url).ready();
    sendFrame(socket, [0xf1, MASKED, ...NO_MASK]);
    return socket;
  },
  1007: async () => {
    const socket = await new RawSocket(api.url).ready();
    sendFrame(socket, [0x81, MASKED | 1, ...NO_MASK, 0xff]);
    return socket;
  },
  1009: async () => {
    const socket = await new RawSocket(api.url).ready();
    socket.subscribe('1', '#'.repeat(1_000_000));
    return socket;
  },
  4400: async () => {
    const socket = await new RawSocket(api.url).ready();
    socket.send('nonsense');
    return socket;
  },
  4401: async () => {
    const socket = await new RawSocket(api.url).opened();
    socket.subscribe('1', '{ __typename }');
    return socket;
  },
  4403: async () => {
    await using other = await openHttp({ admission: lockedAdmission() });
    const socket = await new RawSocket(other.url).opened();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${await providerToken({ exp: 1 })}` } });
    await socket.closed;
    return socket;
  },
  4406: () => new RawSocket(api.url, {}, []).opened(),
  4408: () => new RawSocket(api.url).opened(),
  4409: async () => {
    const socket = await new RawSocket(api.url).ready();
    for (let i = 0; i < 2; i += 1) socket.subscribe('1', 'subscription { runsUpdated { kind } }');
    return socket;
  },
  4429: async () => {
    const socket = await new RawSocket(api.url).ready();
    socket.send({ type: 'connection_init' });
    return socket;
  },
  4500: async () => {
    const socket = await new RawSocket(await faulty()).opened();
    socket.send({ type: 'connection_init' });
    return socket;
  },
};

test.each(Object.keys(closing).map(Number))('X3: the service closes a socket with %d', async (code) => {
  const socket = await closing[code]?.();
  expect((await socket?.closed)?.code).toBe(code);
});

test('X3: the tests provoke exactly the close codes of PROTOCOL.md', () => {
  const rows = tableRows(readDocument('PROTOCOL.md'), '## 8. Close codes of WebSockets');
  expect(rows.map(([code]) => code)).toEqual(Object.keys(closing));
});
