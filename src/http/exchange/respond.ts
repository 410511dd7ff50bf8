/** Sends responses. Errors have the shape that GraphQL clients expect. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { pause } from '../../async/pause.ts';
import { nextTurn } from '../../async/turn.ts';
import type { Holding } from '../../delivery/sinks/backlog.ts';
import type { Caller } from '../../domain/caller.ts';
import { type BadUserInput, CLIENT_LEFT, type ErrorCode, type ShareUsedUp } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Client } from '../../limits/who.ts';

/** One request and its response. `cors` are the headers for its origin. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly cors: OutgoingHttpHeaders;
  readonly backlog: Holding;
  /** From now on the client is cut if it stalls: it reads nothing although bytes wait for it. */
  watch(): void;
}

/** One whose caller is known: all that reads or changes something of a caller. */
export interface CallersExchange extends Exchange {
  readonly caller: Caller;
  readonly client: Client;
}

/** @param more members of `extensions`; an `argument` without `problems` becomes their only entry */
export const errorBody = (code: ErrorCode, message: string, more: Readonly<Record<string, unknown>> = {}): string => {
  const { argument } = more;
  const problems = argument === undefined ? {} : { problems: [{ argument, message }] };
  return JSON.stringify({ errors: [{ message, extensions: { code, ...problems, ...more } }] });
};

/** A short body; `type` is its media type. */
export interface TextBody {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export const sendText = (
  { request, response, cors }: Exchange,
  { status, type, body }: TextBody,
  headers: OutgoingHttpHeaders = {},
): void => {
  response.writeHead(status, {
    ...cors,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};

export const sendJson = (exchange: Exchange, status: number, body: string, headers: OutgoingHttpHeaders = {}): void =>
  sendText(exchange, { status, type: 'application/json; charset=utf-8', body }, headers);

/** An error of a request: `status` is for HTTP, `code` is that of the API. */
export interface HttpError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export const sendError = (
  exchange: Exchange,
  { status, code, message }: HttpError,
  headers: OutgoingHttpHeaders = {},
): void => sendJson(exchange, status, errorBody(code, message), headers);

/** Refuses a request whose parameters or headers are not valid: 400. */
export const sendInputError = (exchange: Exchange, { code, message, argument, problems }: BadUserInput): void =>
  sendJson(exchange, 400, errorBody(code, message, { argument, problems }));

/** Refuses a request because the service is busy: 503 with Retry-After, for clients and proxies. */
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

/**
 * Refuses a request of a client that has used up its share: 429 with Retry-After. It waits before that, because a client
 * that asks again at once would cost others more than it does by its share.
 */
export const sendUsedUp = async (exchange: Exchange, refusal: ShareUsedUp): Promise<void> => {
  const { message, code, retryAfterSeconds } = refusal;
  await pause(LIMITS.refusalMs, left(exchange.response)).catch(() => undefined);
  if (exchange.response.destroyed) return;
  const headers = exchange.request.complete ? {} : { Connection: 'close' };
  const body = errorBody(code, message, { retryAfterSeconds });
  sendJson(exchange, 429, body, { ...headers, 'Retry-After': retryAfterSeconds });
  discardBody(exchange);
};

/** A smaller body is not counted: the kernel takes it, or it does not matter. */
const SMALL_BYTES = 16 * 1024;
const TOO_MUCH_WAITS =
  'Too many responses wait for clients that do not read them. Read yours, or try again in a moment.';

/** Sends a body that is usually small. */
export const sendSmall = (exchange: Exchange, status: number, headers: OutgoingHttpHeaders, body: Buffer): void => {
  if (body.length > SMALL_BYTES) sendLarge(exchange, { status, headers, body: [body] });
  else exchange.response.writeHead(status, headers).end(body);
};

/** A body of any size. */
export interface LargeBody {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: readonly Buffer[];
  /** Bytes of it that are not shared with other responses. Default: all. */
  readonly own?: number;
}

/** Sends the body in turns with others. */
export const sendLarge = (exchange: Exchange, { status, headers, body, own }: LargeBody): void => {
  const { response, backlog, watch } = exchange;
  const release = backlog.hold(own ?? body.reduce((sum, { length }) => sum + length, 0));
  if (release === null) {
    sendBusy(exchange, TOO_MUCH_WAITS, LIMITS.stalledSeconds);
    return;
  }
  response.once('close', release);
  watch();
  response.writeHead(status, headers);
  void sendInTurns(response, body);
};

/** How much one turn sends (turn.ts). */
const PIECE_BYTES = 128 * 1024;

/** A kernel takes some MB at once. One such write for each of many clients would delay live lines by a second. */
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

/** False if the method is not one of these; then 405 has been sent. */
export const onlyMethods = (exchange: Exchange, ...methods: string[]): boolean => {
  if (methods.includes(exchange.request.method ?? '')) return true;
  const allowed = methods.join(', ');
  const error: HttpError = { status: 405, code: 'BAD_REQUEST', message: `Method not allowed. Use ${allowed}.` };
  sendError(exchange, error, { Allow: allowed });
  return false;
};

/** After an error the rest of the body is read and discarded for this long: many clients read the response only then. */
const DISCARD_MS = 2000;

/** Call it after a response with `Connection: close` that has not waited for the body. */
export const discardBody = ({ request, response }: Exchange): void => {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), DISCARD_MS);
  finished(request, () => clearTimeout(timer));
  response.once('close', () => clearTimeout(timer));
};

/** Aborts when the client leaves before it has the response. */
export const left = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController();
  response.once('close', () => controller.abort(CLIENT_LEFT));
  return controller.signal;
};

/** Resolves when the response can take more data, or is closed. */
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
