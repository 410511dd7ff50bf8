/** The same abuses by other ways: variables, GET, server-sent events, WebSockets, downloads, searches, many addresses. */
import { setTimeout as delay } from 'node:timers/promises';
import { again, aliased, flood, newId, onSockets, operation, request, subscribe } from './lanes.ts';
import type { Abuse, Wire } from './wire.ts';

const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const LISTS = `{ ${aliased(4, () => 'runs(first: 500) { edges { node { id } } }')} }`;
const SEARCH =
  'query ($id: ID!, $text: String!) { run(id: $id) { search(query: { text: $text, regex: true }, first: 100) { scannedTo } } }';
const logPages = (runId: string): string =>
  `{ run(id: "${runId}") { ${aliased(4, (i) => `logs(first: 5000, after: ${i * 5000}) { events { seq ... on LogLine { message } } }`)} } }`;
const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const quadratic = `b${'a'.repeat(1023)}`;

/** Opens so many connections one after the other, each for one request, and does not wait for the answer. */
const churn = async (wire: Wire, lanes: number, text: () => string): Promise<void> => {
  const lane = async (): Promise<void> => {
    while (!wire.signal.aborted) await wire.send(text(), 20);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
};

export const VARIANTS: readonly Abuse[] = [
  {
    name: 'unknown fields in variables',
    run: (wire) =>
      again(wire, 8, (salt) => {
        const fields = Array.from({ length: 2000 }, (_, i) => [`f${salt}_${i}`.padEnd(60, 'x'), 'v']);
        return operation(START, { input: { command: ['true'], ...Object.fromEntries(fields) } });
      }),
  },
  {
    name: 'new documents by GET',
    run: (wire) =>
      churn(wire, 8, () => {
        const query = `{${aliased(600, (i) => `x${newId()}_${i}`)}}`;
        return get(`/graphql?query=${encodeURIComponent(query)}`.slice(0, 15_000), 'Connection: close\r\n');
      }),
  },
  {
    name: 'large new documents',
    run: (wire) => again(wire, 8, (salt) => operation(`{ ${aliased(9000, (i) => `__typename # ${salt} ${i}\n`)} }`)),
  },
  {
    name: 'log pages as events, unread',
    run: (wire, { longLog }) => {
      const text = request(operation(logPages(longLog)));
      return wire.unread(40, text.replace('\r\nHost', '\r\nAccept: text/event-stream\r\nHost'));
    },
  },
  {
    name: 'lists over WebSockets',
    run: (wire) =>
      onSockets(wire, 8, true, async (socket) => {
        for (let i = 0; i < 20; i += 1) socket.send(subscribe(`${newId()}`, LISTS));
        await delay(500);
      }),
  },
  {
    name: 'log pages over WebSockets',
    run: (wire, { longLog }) =>
      onSockets(wire, 8, false, (socket) => flood(socket, [subscribe(`${newId()}`, logPages(longLog))])),
  },
  {
    name: 'many addresses',
    run: async (wire) => {
      await Promise.all(Array.from({ length: 40 }, (_, i) => again(wire.at(i), 2, () => operation(LISTS))));
    },
  },
  {
    name: 'slow bodies',
    run: (wire) => wire.unread(300, request('x'.repeat(900_000)).slice(0, 900)),
  },
  {
    name: 'large headers',
    run: (wire) =>
      churn(wire, 8, () =>
        get('/graphql?query={__typename}', Array.from({ length: 900 }, (_, i) => `x${i}: ${newId()}\r\n`).join('')),
      ),
  },
  {
    name: 'downloads unread',
    run: (wire, { longLog }) => wire.unread(40, get(`/runs/${longLog}/log.ndjson`)),
  },
  {
    name: 'filtered downloads',
    run: (wire, { longLog }) => churn(wire, 8, () => get(`/runs/${longLog}/log.txt?contains=${quadratic}`)),
  },
  {
    name: 'searches',
    run: (wire, { longLog }) => again(wire, 8, () => operation(SEARCH, { id: longLog, text: '(a*)*b|a{500}c' })),
  },
  {
    name: 'connections without end',
    run: (wire) => churn(wire, 20, () => get('/graphql?query={__typename}')),
  },
  {
    name: 'WebSockets without end',
    run: (wire, { longLog }) =>
      onSockets(wire, 20, true, async (socket) => {
        const query = `subscription { runLogBatches(runId: "${longLog}") { lastSeq events { seq } } }`;
        socket.send(subscribe('1', query));
        await delay(10);
        socket.terminate();
      }),
  },
];
