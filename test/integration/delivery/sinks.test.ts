/**
 * WebSockets and server-sent events both implement TextSink. Each promise of TextSink is tested on both, with real
 * sockets. Several readers share each text, like viewers with the same selection.
 */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { PREFIX_BYTES, type SharedTexts, textIn } from '../../../src/delivery/messageLayout.ts';
import { Backlog } from '../../../src/delivery/sinks/backlog.ts';
import { EventStream } from '../../../src/delivery/sinks/sseSink.ts';
import { Outbox } from '../../../src/delivery/sinks/webSocketSink.ts';
import type { TextSink } from '../../../src/delivery/textSink.ts';

/** One connection: the sink at the server, and what its reader has received. */
interface Connection {
  readonly sink: TextSink;
  /** Results in the order of their arrival, as JSON text. */
  readonly results: string[];
  pause(): void;
  resume(): void;
  /** Cuts the connection from the reader's side. */
  leave(): void;
}

interface Sinks extends AsyncDisposable {
  readonly backlog: Backlog;
  open(): Promise<Connection>;
}

const webSockets = async (): Promise<Sinks> => {
  const backlog = new Backlog();
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let ids = 0;
  return {
    backlog,
    async open() {
      const accepted = Promise.withResolvers<Outbox>();
      server.once('upgrade', (request, socket, head) => {
        sockets.handleUpgrade(request, socket, head, (client) => {
          client.on('error', () => undefined);
          accepted.resolve(new Outbox(client, socket, backlog.for(request.socket)));
        });
      });
      ids += 1;
      // Ids of two lengths: some readers share memory, others do not.
      const id = ids % 3 === 0 ? 'another-length' : String(ids % 10);
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      const results: string[] = [];
      client.on('error', () => undefined);
      client.on('message', (bytes: Buffer) => {
        const message = JSON.parse(bytes.toString()) as { readonly id: string; readonly payload: unknown };
        results.push(message.id === id ? JSON.stringify(message.payload) : `a message for ${message.id}`);
      });
      const opened = once(client, 'open');
      const outbox = await accepted.promise;
      await opened;
      return {
        sink: outbox.sink(id),
        results,
        pause: () => client.pause(),
        resume: () => client.resume(),
        leave: () => client.terminate(),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const serverSentEvents = async (): Promise<Sinks> => {
  const backlog = new Backlog();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    backlog,
    async open() {
      const sink = new Promise<TextSink>((resolve) => {
        server.once('request', (request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
          response.on('error', () => undefined);
          resolve(new EventStream(response, backlog.for(request.socket), (result) => result));
        });
      });
      const request = get({ port, host: '127.0.0.1', agent: false }).on('error', () => undefined);
      const results: string[] = [];
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.on('error', () => undefined);
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        const events = (rest + text).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) results.push(event.slice(event.indexOf('data: ') + 'data: '.length));
      });
      const socket: Socket = response.socket;
      return {
        sink: await sink,
        results,
        pause: () => response.pause(),
        resume: () => response.resume(),
        leave: () => socket.destroy(),
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** A piece of a log: one result per given length in characters. */
const piece = (first: number, ...lengths: readonly number[]): SharedTexts => {
  const texts = lengths.map((length, i) =>
    Buffer.from(`{"data":{"seq":${first + i},"text":"${'ü'.repeat(length)}"}}}`),
  );
  const [only] = texts;
  const seqs = [{ first, count: texts.length }];
  if (texts.length > 1 || only === undefined) return { texts, seqs, memory: null, empty: false };
  const memory = Buffer.concat([Buffer.alloc(PREFIX_BYTES), only]);
  return { texts: [textIn(memory)], seqs, memory, empty: false };
};

/** The results without the brace that closes a WebSocket message. */
const resultsIn = ({ texts }: SharedTexts): readonly string[] => texts.map((text) => text.toString().slice(0, -1));

/** Small and large results, alone and several together, around the limits of the three frame lengths. */
const PIECES = [
  piece(1, 0),
  piece(2, 1, 2, 3),
  piece(5, 30),
  piece(6, 60),
  piece(7, 32_000, 0, 33_000),
  piece(10, 40_000),
  piece(11, 200_000),
  piece(12, ...Array.from({ length: 500 }, () => 50)),
];

/** One after the other: the server takes the next connection for the one that is being opened. */
const openAll = async (sinks: Sinks, count: number): Promise<readonly Connection[]> => {
  const connections: Connection[] = [];
  while (connections.length < count) connections.push(await sinks.open());
  return connections;
};

const sendAll = async ({ sink }: Connection, pieces: readonly SharedTexts[]): Promise<void> => {
  for (const shared of pieces) await sink.send(shared);
};

const KINDS = [
  ['WebSocket', webSockets],
  ['server-sent events', serverSentEvents],
] as const;

test.each(KINDS)(
  '%s: small and large results arrive complete and in order, for each of several readers',
  async (_, kind) => {
    await using sinks = await kind();
    const connections = await openAll(sinks, 7);
    const rounds = Array.from({ length: 5 }, () => PIECES).flat();
    await Promise.all(connections.map((connection) => sendAll(connection, rounds)));
    const sent = rounds.flatMap(resultsIn);
    for (const { results } of connections) {
      await expect.poll(() => results.length, { timeout: 20_000 }).toBe(sent.length);
      expect(results).toEqual(sent);
    }
  },
);

test.each(KINDS)('%s: sending leaves the shared texts unchanged', async (_, kind) => {
  await using sinks = await kind();
  const connections = await openAll(sinks, 4);
  const before = PIECES.map(({ texts }) => texts.map((text) => Buffer.from(text)));
  for (const connection of connections) connection.pause();
  await Promise.all(
    connections.map(async (connection) => {
      const sending = sendAll(connection, [...PIECES, ...PIECES]);
      setImmediate(() => connection.resume());
      await sending;
    }),
  );
  expect(PIECES.map(({ texts }) => texts)).toEqual(before);
});

test.each(KINDS)(
  '%s: a slow reader waits with one piece, delays nobody, and gets every result in the end',
  async (_, kind) => {
    await using sinks = await kind();
    const [slow, fast] = [await sinks.open(), await sinks.open()];
    slow.pause();
    // More than the kernel holds for a connection that is not read. Every second piece has 500 results, each with its
    // own header.
    const several = Array.from({ length: 500 }, () => 200);
    const large = Array.from({ length: 100 }, (_unused, n) =>
      piece(1 + n * 500, ...(n % 2 === 0 ? several : [100_000])),
    );
    const sent = large.flatMap(resultsIn);
    let taken = 0;
    const sendingSlowly = (async () => {
      for (const shared of large) {
        await slow.sink.send(shared);
        taken += 1;
      }
    })();
    await sendAll(fast, large);
    await expect.poll(() => fast.results.length, { timeout: 20_000 }).toBe(sent.length);
    expect(taken).toBeLessThan(large.length);
    // One piece of 200 kB waits: twice that with the frame bytes of several waiting readers.
    expect(sinks.backlog.waiting).toBeLessThan(500_000);
    slow.resume();
    await sendingSlowly;
    await expect.poll(() => slow.results.length, { timeout: 20_000 }).toBe(sent.length);
    expect(slow.results).toEqual(sent);
    expect(fast.results).toEqual(sent);
  },
);

test.each(KINDS)(
  '%s: a reader that leaves ends its wait and frees its waiting data, and others go on',
  async (_, kind) => {
    await using sinks = await kind();
    const [leaving, staying] = [await sinks.open(), await sinks.open()];
    leaving.pause();
    const large = Array.from({ length: 60 }, (_unused, i) => piece(i + 1, 100_000));
    const sendingInVain = sendAll(leaving, large);
    await sendAll(staying, large.slice(0, 50));
    leaving.leave();
    await sendingInVain;
    await sendAll(leaving, PIECES);
    await sendAll(staying, large.slice(50));
    await expect.poll(() => staying.results.length, { timeout: 20_000 }).toBe(large.length);
    expect(staying.results).toEqual(large.flatMap(resultsIn));
    expect(sinks.backlog.waiting).toBe(0);
  },
);
