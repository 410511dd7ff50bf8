/** The connections of an abuser: requests, raw sockets that are never read, WebSockets. All use its own address. */
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';

export interface Wire {
  readonly port: number;
  readonly signal: AbortSignal;
  /** Sends an operation and reads the whole answer. */
  post(body: string): Promise<void>;
  /** Keeps so many sockets open that send this text and never read; reopens those that the service closes. */
  unread(count: number, text: string): Promise<void>;
  /** A WebSocket after connection_ack; null if it was refused. `reads`: whether it reads messages. */
  socket(reads: boolean): Promise<WebSocket | null>;
  /** Sends the text on a new connection, and closes that when bytes come back, or after so many milliseconds. */
  send(text: string, ms: number): Promise<void>;
  /** The same wire from one of 200 other addresses. */
  at(i: number): Wire;
  /** Counts an answer of the service. */
  note(what: string): void;
}

/** Runs that the scene made. */
export interface Targets {
  /** A finished run with a log of 16 MB: lines of the letter a. */
  readonly longLog: string;
}

export interface Abuse {
  readonly name: string;
  run(wire: Wire, targets: Targets): Promise<void>;
}

const PAUSE_MS = 20;

export const createWire = (port: number, localAddress: string, signal: AbortSignal): Wire & { told(): string } => {
  const counts = new Map<string, number>();
  const note = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const host = '127.0.0.1';

  const open = (): Promise<Socket | null> =>
    new Promise((resolve) => {
      const socket = connect({ host, port, localAddress }, () => resolve(socket));
      socket.on('error', () => {
        note('connection refused or reset');
        resolve(null);
      });
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
    });

  const post = (body: string): Promise<void> =>
    new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request(
        { host, port, localAddress, agent, method: 'POST', path: '/graphql', headers, signal },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            if (text.length < 20_000) text += chunk.toString('latin1');
          });
          response.on('close', () => {
            note(`${response.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1] ?? 'answered'}`);
            resolve();
          });
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (!signal.aborted) note(error.code ?? 'failed');
        setTimeout(resolve, PAUSE_MS);
      });
      sent.end(body);
    });

  const unread = async (count: number, text: string): Promise<void> => {
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket = await open();
        if (socket === null) {
          await delay(PAUSE_MS);
          continue;
        }
        socket.pause();
        socket.write(text);
        note('opened');
        // A paused socket gets no event when it is closed, so it writes to find out.
        while (!signal.aborted && !socket.destroyed) {
          await delay(250);
          socket.write('\r\n');
        }
        if (!signal.aborted) note('cut');
      }
    };
    await Promise.all(Array.from({ length: count }, one));
  };

  const socket = (reads: boolean): Promise<WebSocket | null> =>
    new Promise((resolve) => {
      const ws = new WebSocket(`ws://${host}:${port}/graphql`, 'graphql-transport-ws', {
        localAddress,
        perMessageDeflate: false,
      });
      const end = (): void => ws.terminate();
      signal.addEventListener('abort', end, { once: true });
      ws.on('open', () => ws.send('{"type":"connection_init"}'));
      ws.once('message', () => {
        if (!reads) ws.pause();
        resolve(ws);
      });
      ws.on('error', () => undefined);
      ws.on('unexpected-response', (_request, response) => {
        note(`upgrade refused: ${response.statusCode}`);
        ws.terminate();
      });
      ws.on('close', (code) => {
        signal.removeEventListener('abort', end);
        if (!signal.aborted) note(`closed ${code}`);
        resolve(null);
      });
    });

  const send = async (text: string, ms: number): Promise<void> => {
    const socket = await open();
    if (socket === null) return void (await delay(PAUSE_MS));
    const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()).once('close', resolve));
    socket.write(text);
    await Promise.race([answered, delay(ms)]);
    note('opened');
    socket.destroy();
  };

  const at = (i: number): Wire => ({ ...createWire(port, `127.0.2.${1 + (i % 200)}`, signal), note });

  const told = (): string =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 3)
      .map(([what, count]) => `${count} x ${what}`)
      .join(', ');
  return { port, signal, post, unread, socket, send, at, note, told };
};
