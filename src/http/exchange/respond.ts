/** Short answers, errors among them, in the one shape that GraphQL clients know. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { nextTurn } from '../../async/turn.ts';
import type { Holding } from '../../delivery/sinks/backlog.ts';
import type { Caller } from '../../domain/caller.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';

/** One request with its answer; `cors` are the headers that its origin gets. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly caller: Caller;
  readonly cors: OutgoingHttpHeaders;
  readonly backlog: Holding;
  /** From now on the client is cut once it has taken nothing for the time for it. */
  watch(): void;
}

/** On every answer: no sniffing of types, no caching of what changes, no address of ours to other sites. */
export const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/**
 * In place of those on answers that go on: nginx hands on what comes instead of collecting it, and nobody compresses or
 * rewrites it on the way (a compressor holds back, and the digest of a log is that of its bytes).
 */
export const STREAM_HEADERS: OutgoingHttpHeaders = {
  ...SECURITY_HEADERS,
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

/** Where `more` has an argument, that is the one problem. */
export const errorBody = (code: ErrorCode, message: string, more: Readonly<Record<string, unknown>> = {}): string => {
  const { argument } = more;
  const problems = argument === undefined ? {} : { problems: [{ argument, message }] };
  return JSON.stringify({ errors: [{ message, extensions: { code, ...more, ...problems } }] });
};

export const sendText = (
  { request, response, cors }: Exchange,
  status: number,
  type: string,
  body: string,
  headers: OutgoingHttpHeaders = {},
): void => {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    ...cors,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};

export const sendJson = (exchange: Exchange, status: number, body: string, headers: OutgoingHttpHeaders = {}): void =>
  sendText(exchange, status, 'application/json; charset=utf-8', body, headers);

export const sendError = (
  exchange: Exchange,
  status: number,
  code: ErrorCode,
  message: string,
  headers: OutgoingHttpHeaders = {},
): void => sendJson(exchange, status, errorBody(code, message), headers);

/** Refused because others are served first: 503, with the time after which to ask again, for clients and for proxies. */
export const sendBusy = (
  exchange: Exchange,
  message: string,
  retryAfterSeconds: number,
  headers: OutgoingHttpHeaders = {},
): void =>
  sendJson(exchange, 503, errorBody('LIMIT_EXCEEDED', message, { retryAfterSeconds }), {
    ...headers,
    'Retry-After': retryAfterSeconds,
  });

/** A body up to here is kept by the kernel, or is not worth counting. */
const SMALL_BYTES = 16 * 1024;
const TOO_MUCH_WAITS = 'Too many answers wait for clients that do not read them. Read them, or try again in a moment.';

/** Sends a body that is small. */
export const sendSmall = (exchange: Exchange, status: number, headers: OutgoingHttpHeaders, body: Buffer): void => {
  if (body.length > SMALL_BYTES) sendLarge(exchange, status, headers, [body]);
  else exchange.response.writeHead(status, headers).end(body);
};

/** Sends a body of any size in turns with others; `own` are its bytes that are not shared with other answers. */
export const sendLarge = (
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  body: readonly Buffer[],
  own = body.reduce((sum, { length }) => sum + length, 0),
): void => {
  const { response, backlog, watch } = exchange;
  const release = backlog.hold(own);
  if (release === null) {
    sendBusy(exchange, TOO_MUCH_WAITS, LIMITS.stalledSeconds);
    return;
  }
  response.once('close', release);
  watch();
  response.writeHead(status, headers);
  void sendInTurns(response, body);
};

/** A piece is what one turn may send (turn.ts). */
const PIECE_BYTES = 128 * 1024;

/** Kernels take some MB at once: one write for each of many clients would hold up live lines for a second. */
const sendInTurns = async (response: ServerResponse, body: readonly Buffer[]): Promise<void> => {
  for (const part of body) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      await nextTurn();
      if (response.destroyed) return;
      response.write(part.subarray(at, at + PIECE_BYTES));
      await drained(response);
    }
  }
  response.end();
};

/** Answers 405 and false where the method is none of these. */
export const onlyMethods = (exchange: Exchange, ...methods: string[]): boolean => {
  if (methods.includes(exchange.request.method ?? '')) return true;
  const allowed = methods.join(', ');
  sendError(exchange, 405, 'BAD_REQUEST', `Only ${allowed} can be used here.`, { Allow: allowed });
  return false;
};

/** Resolves when the response takes more, or is over. */
export const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (!response.writableNeedDrain || response.destroyed) return resolve();
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
