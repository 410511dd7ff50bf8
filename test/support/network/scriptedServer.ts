/** A graphql-transport-ws server on real sockets that each test scripts, and a client that follows it. */
import type { AddressInfo } from 'node:net';
import { type ClientOptions, createClient, type SubscribePayload } from 'graphql-ws';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  type FollowDetails,
  type FollowState,
  type ResumableOptions,
  resumable,
} from '../../../packages/client/src/resumable.ts';

interface Event {
  readonly __typename: string;
  readonly seq: number;
  readonly fromSeq?: number;
}
/** One subscription, as the server sees it. */
interface Asked {
  readonly variables: Record<string, unknown>;
  /** What the connection began with. */
  readonly params: unknown;
  /** Number of its connection, from 1. */
  readonly connection: number;
  next(data: unknown, errors?: unknown): void;
  error(...codes: string[]): void;
  complete(): void;
  /** Closes the socket, with or without a close frame. */
  close(code?: number, reason?: string): void;
  errors(errors: readonly unknown[]): void;
  /** The client has completed it, or its socket is closed. */
  isOver(): boolean;
}
type Script = (asked: Asked, turn: number) => void;
interface ServeOptions {
  /** HTTP status that refuses a handshake, by the number of the connection; undefined accepts it. */
  readonly refuse?: (connection: number) => number | undefined;
  /** Close code that refuses connection_init, by the number of the connection; undefined accepts it. */
  readonly admit?: (connection: number) => number | undefined;
}
interface Serving {
  readonly url: string;
  readonly asked: SubscribePayload[];
  /** Handshakes, including refused ones. */
  readonly connections: () => number;
  /** Closes all sockets. */
  readonly cut: () => void;
  readonly stop: () => void;
}

export const line = (seq: number): Event => ({ __typename: 'LogLine', seq });
export const end = (seq: number): Event => ({ __typename: 'RunFinished', seq });
export const batch = (...events: Event[]) => ({ log: { lastSeq: events.at(-1)?.seq, events } });

/** Speaks graphql-transport-ws; the script answers each subscription. */
export const serve = async (script: Script, { refuse, admit }: ServeOptions = {}): Promise<Serving> => {
  let connections = 0;
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => 'graphql-transport-ws',
    verifyClient: (_, done) => {
      connections += 1;
      const status = refuse?.(connections);
      done(status === undefined, status);
    },
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const cut = (): void => {
    for (const socket of server.clients) socket.terminate();
  };
  const stop = (): void => {
    cut();
    server.close();
  };
  onTestFinished(stop);
  const asked: SubscribePayload[] = [];
  server.on('connection', (socket) => {
    const connection = connections;
    const completed = new Set<string>();
    let params: unknown;
    const send = (message: unknown): void => socket.send(JSON.stringify(message));
    socket.on('message', (bytes) => {
      const { type, id, payload } = JSON.parse(String(bytes));
      if (type === 'connection_init') {
        params = payload;
        const code = admit?.(connection);
        if (code !== undefined) return socket.close(code);
        return send({ type: 'connection_ack' });
      }
      if (type === 'complete') completed.add(id);
      if (type !== 'subscribe') return;
      asked.push(payload);
      const one: Asked = {
        variables: payload.variables,
        params,
        connection,
        next: (data, errors) => send({ id, type: 'next', payload: { data, errors } }),
        error: (...codes) =>
          send({ id, type: 'error', payload: codes.map((code) => ({ message: code, extensions: { code } })) }),
        complete: () => send({ id, type: 'complete' }),
        close: (code, reason) => (code === undefined ? socket.terminate() : socket.close(code, reason)),
        isOver: () => completed.has(id) || socket.readyState !== socket.OPEN,
        errors: (errors) => send({ id, type: 'error', payload: errors }),
      };
      script(one, asked.length);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    connections: () => connections,
    cut,
    stop,
  };
};

export const BATCHES = `subscription ($after: Int) {
  log: runLogBatches(runId: "1", after: $after) { lastSeq events { __typename seq } } }`;
export const LINES = 'subscription ($after: Int) { log: runLogs(runId: "1", after: $after) { __typename seq } }';

interface Follow {
  readonly query?: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
  readonly client?: Partial<ClientOptions>;
  readonly helper?: ResumableOptions;
  readonly onNext?: (stop: () => void) => void;
}
export const follow = (
  url: string,
  { query = BATCHES, variables = {}, operationName, client: more = {}, helper = {}, onNext }: Follow = {},
) => {
  const states: FollowState[] = [];
  const details: FollowDetails[] = [];
  const seqs: number[] = [];
  const results: { readonly hasNext?: boolean; readonly data?: Record<string, unknown> }[] = [];
  const client = resumable(createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...more }), {
    maxPauseMs: 20,
    onState: (state, _, more) => {
      states.push(state);
      details.push(more);
    },
    ...helper,
  });
  onTestFinished(() => void client.dispose());
  let completes = 0;
  const over = Promise.withResolvers<unknown>();
  const stop: () => void = client.subscribe<Record<string, { events?: Event[]; seq?: number }>>(
    { query, variables, ...(operationName === undefined ? {} : { operationName }) },
    {
      next: (result) => {
        results.push(result as never);
        onNext?.(stop);
        const log = Object.values(result.data ?? {})[0];
        seqs.push(...(log?.events ?? (log?.seq === undefined ? [] : [log as Event])).map(({ seq }) => seq));
      },
      error: over.resolve,
      complete: () => {
        completes += 1;
        over.resolve('complete');
      },
    },
  );
  return { client, states, details, seqs, results, stop, over: over.promise, completes: () => completes };
};
