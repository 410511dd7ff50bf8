/** The abuses, as in the tests of test/security. Each goes on until its signal aborts; the scene has what it needs. */
import { setTimeout as delay } from 'node:timers/promises';
import { again, aliased, flood, newId, onSockets, operation, request, subscribe } from './lanes.ts';
import { VARIANTS } from './variants.ts';
import type { Abuse } from './wire.ts';

const unknownFields = (salt: number): string =>
  operation(
    `mutation { startRun(input: { command: ["true"], ${Array.from({ length: 110 }, (_, i) => `${`f${salt}_${i}`.padEnd(60, 'x')}: "v"`)} }) { run { id } } }`,
  );
const LOG_PAGES = (runId: string): string =>
  `{ run(id: "${runId}") { ${aliased(4, (i) => `logs(first: 5000, after: ${i * 5000}) { events { seq ... on LogLine { message } } }`)} } }`;

export const ABUSES: readonly Abuse[] = [
  {
    name: 'heavy lists',
    run: (wire) =>
      again(wire, 8, () => operation(`{ ${aliased(4, () => 'runs(first: 500) { edges { node { id } } }')} }`)),
  },
  {
    name: 'inputs of heavy runs',
    run: (wire) =>
      again(wire, 8, (i) => operation(`{ runs(first: ${i % 2 ? 500 : 40}) { edges { node { input command } } } }`)),
  },
  { name: 'validation errors', run: (wire) => again(wire, 8, unknownFields) },
  {
    name: 'GraphiQL unread',
    run: (wire) => wire.unread(150, 'GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n'),
  },
  { name: 'log pages unread', run: (wire, { longLog }) => wire.unread(40, request(operation(LOG_PAGES(longLog)))) },
  {
    name: 'pings unread',
    run: (wire) => {
      const ping = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(60_000) } });
      return onSockets(wire, 4, false, (socket) =>
        flood(
          socket,
          Array.from({ length: 20 }, () => ping),
        ),
      );
    },
  },
  {
    name: 'new long ids unread',
    run: (wire) =>
      onSockets(wire, 4, false, (socket) =>
        flood(
          socket,
          Array.from({ length: 20 }, () => {
            const id = `${newId()}`.padEnd(59_000, 'i');
            return subscribe(id, '{ nothing }');
          }),
        ),
      ),
  },
  {
    name: 'documents in one write',
    run: (wire) =>
      onSockets(wire, 2, true, async (socket) => {
        await flood(
          socket,
          Array.from({ length: 20_000 }, () => subscribe(`${newId()}`, '{')),
        );
      }),
  },
  {
    name: 'pipelining',
    run: (wire) =>
      wire.unread(4, 'GET /graphql?query={runs{edges{node{id}}}} HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5000)),
  },
  {
    name: 'subscribe and complete',
    run: (wire, { longLog }) =>
      onSockets(wire, 8, true, (socket) => {
        const messages = Array.from({ length: 200 }, () => {
          const id = newId();
          const query =
            id % 2 ? 'subscription { runsUpdated { kind } }' : `subscription { runLogs(runId: "${longLog}") { seq } }`;
          return [subscribe(`${id}`, query), JSON.stringify({ id: `${id}`, type: 'complete' })];
        });
        return flood(socket, messages.flat());
      }),
  },
  {
    name: 'deep JSON',
    run: (wire) => {
      const body = `{"query":"{ __typename }","variables":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`;
      return again(wire, 8, () => body);
    },
  },
  {
    name: 'rare labels',
    run: (wire) =>
      again(wire, 8, (i) =>
        operation(
          `{ ${aliased(30, (j) => `runs(first: 10, filter: { labels: [{ name: "none", value: "${i}-${j}" }] }) { edges { cursor } pageInfo { hasNextPage hasPreviousPage } }`)} }`,
        ),
      ),
  },
  {
    name: 'quadratic contains',
    run: (wire, { longLog }) =>
      again(wire, 8, () =>
        operation(
          'query ($id: ID!, $text: String) { run(id: $id) { logs(first: 5000, filter: { contains: $text }) { endSeq } } }',
          {
            id: longLog,
            text: `b${'a'.repeat(1023)}`,
          },
        ),
      ),
  },
  {
    name: 'many sockets',
    run: async (wire) => {
      await Promise.all([
        wire.unread(800, 'GET /graphql HTTP/1.1\r\nHost: localhost\r\n'),
        onSockets(wire, 200, true, () => delay(500)),
      ]);
    },
  },
  ...VARIANTS,
];
