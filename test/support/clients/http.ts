/** The HTTP server with real parts on the test's own Redis, without anything that starts runs. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import WebSocket from 'ws';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../../src/http/server.ts';
import { ApiTokens } from '../../../src/identity/apiTokens.ts';
import { LogLinks } from '../../../src/identity/logLinks.ts';
import { RunTokens } from '../../../src/identity/runTokens.ts';
import { tokenCommands } from '../../../src/identity/tokenCommands.ts';
import { RedisLogHub } from '../../../src/log/hub.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import { runUpdates } from '../../../src/runs/api/updates.ts';
import { Searches } from '../../../src/search/searches.ts';
import { logChannel } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../redis/redis.ts';
import { type Api, openAnnouncements, openApi } from '../runs/runs.ts';

export interface TestApi extends AsyncDisposable {
  readonly http: HttpServer;
  readonly port: number;
  /** http://127.0.0.1:<port> */
  readonly url: string;
  readonly api: Api;
  readonly server: TestRedis;
  /** A Redis connection of the test. */
  readonly redis: Redis;
  readonly hub: RedisLogHub;
  readonly searches: Searches;
  /** What is done for clients now: feeds, reads, and Redis commands without a reply yet. */
  work(): { feeds: number; asking: number; commands: number };
  /** The log lines of the server, parsed. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
}

/** Serves on a free loopback port. `more` changes the options, such as time limits. */
export const openHttp = async (more: Partial<HttpServerOptions> = {}): Promise<TestApi> => {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const api = stack.use(await openApi(server, randomBytes(32), logger));
  const { connection, announcements } = await openAnnouncements(server);
  stack.defer(() => connection.close());
  const reading = connectRedis(server.url, 'commands', 'test', logger);
  stack.defer(() => reading.close());
  await reading.whenReady(AbortSignal.timeout(5000));
  const reader = new RedisLogReader(reading.redis);
  const hub = stack.use(new RedisLogHub({ reader, announcements, logger }));
  const searches = stack.use(new Searches(logger));
  const http = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: null,
    runsFor: api.runsFor,
    tokensFor: tokenCommands({
      redis: api.redis,
      apiTokens: new ApiTokens(api.redis),
      runTokens: new RunTokens(api.context.masterKey, 'test'),
      acceptsApiTokens: true,
      log: logger,
    }),
    updates: runUpdates(announcements, logger, reading.redis),
    hub,
    reader,
    searches,
    logLinks: new LogLinks(randomBytes(32), 'test'),
    logger,
    ready: () => Promise.resolve(null),
    ...more,
  });
  const { port } = await http.listen();
  stack.defer(() => http.close());
  return {
    http,
    port,
    url: `http://127.0.0.1:${port}`,
    api,
    server,
    redis: await server.connect(),
    hub,
    searches,
    work: () => ({
      feeds: hub.feeds,
      asking: hub.asking,
      commands: [reading.redis, connection.redis, api.redis].reduce((sum, one) => sum + unanswered(one), 0),
    }),
    logged,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

/** The queues of ioredis, which its types do not show. */
const unanswered = (redis: Redis): number => {
  const { commandQueue, offlineQueue } = redis as unknown as Record<string, { readonly length: number }>;
  return (commandQueue?.length ?? 0) + (offlineQueue?.length ?? 0);
};

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly argument?: string; readonly id?: string };
}
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly data?: any;
  readonly errors?: readonly GraphqlError[];
}

/** POSTs an operation. */
export const postOperation = (
  url: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });

/** POSTs an operation and returns status and result. */
export const post = async (...operation: Parameters<typeof postOperation>): Promise<Answer> => {
  const response = await postOperation(...operation);
  return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
};

export const client = (url: string): Client =>
  createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazy: true,
  });

/** How an operation over WebSocket ended, and its results before that. */
export interface Outcome {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly results: any[];
  readonly errors: readonly GraphqlError[] | null;
  readonly completed: boolean;
  /** The close event, if the socket was closed during the operation. */
  readonly closed: { readonly code: number; readonly reason: string } | null;
}

/** Runs an operation over WebSocket to its end. */
export const operate = (ws: Client, query: string, variables: Record<string, unknown> = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const results: unknown[] = [];
    ws.subscribe(
      { query, variables },
      {
        next: (result) => results.push(result),
        error: (error) => {
          const errors = Array.isArray(error) ? (error as GraphqlError[]) : null;
          const closed = errors === null ? (error as { code: number; reason: string }) : null;
          resolve({ results, errors, completed: false, closed });
        },
        complete: () => resolve({ results, errors: null, completed: true, closed: null }),
      },
    );
  });

/** A WebSocket with its raw messages, for clients that behave badly. */
export class RawSocket implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly messages: { readonly id?: string; readonly type: string; readonly payload?: unknown }[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: () => void = () => undefined;

  constructor(url: string, options: WebSocket.ClientOptions = {}, protocols: string[] = ['graphql-transport-ws']) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocols, options);
    this.socket.on('message', (bytes) => {
      this.messages.push(JSON.parse(String(bytes)));
      this.#wake();
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  async opened(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', () => resolve());
      this.socket.once('error', reject);
    });
    return this;
  }

  /** Opens it and initialises the connection. */
  async ready(): Promise<this> {
    await this.opened();
    this.send({ type: 'connection_init' });
    await this.until((message) => message.type === 'connection_ack');
    return this;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: Record<string, unknown> = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The first message that matches, among those that came and those that will come. */
  async until(matches: (message: RawSocket['messages'][number]) => boolean): Promise<RawSocket['messages'][number]> {
    for (let seen = 0; ; ) {
      for (; seen < this.messages.length; seen += 1) {
        const message = this.messages[seen];
        if (message !== undefined && matches(message)) return message;
      }
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        void this.closed.then(({ code }) => reject(new Error(`the socket was closed with ${code}`)));
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

/** Sends raw bytes to a port and returns everything until the other end closes. */
export const rawHttp = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });

/** Number of Redis subscriptions to a run's log. */
export const followers = async (redis: Redis, runId: string): Promise<number> =>
  Number((await redis.pubsub('NUMSUB', logChannel(runId as Parameters<typeof logChannel>[0])))[1]);
