/** /graphql over HTTP: GraphQL over HTTP, and server-sent events. */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { Work } from '../../async/workTurn.ts';
import { type Making, resultPieces } from '../../delivery/resultText.ts';
import { EventStream, endingFor, NOTHING_FOLLOWS, resultEvents } from '../../delivery/sinks/sseSink.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Envelope } from '../../graphql/server/envelope.ts';
import { formatResult } from '../../graphql/server/errorMask.ts';
import { type PersistedDocuments, RefusedDocument } from '../../graphql/server/persistedDocuments.ts';
import { StreamedAnswer } from '../../graphql/server/streamedAnswer.ts';
import { peerOf } from '../../system/network.ts';
import { BodyError, type JsonObject, readJsonObject } from '../exchange/body.ts';
import { JsonTooDeep, parseJson } from '../exchange/boundedJson.ts';
import {
  type CallersExchange,
  discardBody,
  type Exchange,
  errorBody,
  type HttpError,
  left,
  onlyMethods,
  sendBusy,
  sendError,
  sendJson,
  sendLarge,
  sendSmall,
} from '../exchange/respond.ts';
import { STREAM_HEADERS } from '../exchange/securityHeaders.ts';
import { BAD_EVENT_ID, lastEventId } from './lastEventId.ts';

export interface GraphqlRoute {
  readonly envelope: Envelope;
  readonly documents: PersistedDocuments;
  /** Called with each response that stays open. When the server stops, or its caller's token ends, it is cut without `complete`. */
  streams(exchange: CallersExchange): void;
  /** Time between two keep-alive comments on an open response, ms (KeepAliveOptions). */
  readonly pingMs: number;
}

export const serveGraphql = async (exchange: CallersExchange, route: GraphqlRoute): Promise<void> => {
  const { request } = exchange;
  if (!onlyMethods(exchange, 'GET', 'POST')) return;
  let asked: JsonObject;
  try {
    asked = request.method === 'GET' ? readParameters(exchange.url) : await readJsonObject(request, exchange.backlog);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return refuseBody(exchange, error);
  }
  let resolved: JsonObject;
  try {
    resolved = route.documents.resolve(asked);
  } catch (error) {
    if (!(error instanceof RefusedDocument)) throw error;
    return sendError(exchange, error);
  }
  await execute(exchange, route, resolved);
};

/** Parameters that are plain strings; the others are JSON. */
const TEXTS: ReadonlySet<string> = new Set(['query', 'documentId', 'operationName']);

/** The parameters of a GET request, in the form of a body. @throws BodyError */
const readParameters = ({ searchParams }: URL): JsonObject => {
  const parameters: Record<string, unknown> = {};
  for (const name of ['query', 'documentId', 'operationName', 'variables', 'extensions']) {
    const text = searchParams.get(name);
    if (!text) continue;
    try {
      parameters[name] = TEXTS.has(name) ? text : parseJson(text);
    } catch (error) {
      if (error instanceof JsonTooDeep) throw new BodyError(400, 'LIMIT_EXCEEDED', error.message);
      throw new BodyError(400, 'BAD_REQUEST', `The parameter "${name}" is not valid JSON.`);
    }
  }
  return parameters;
};

const refuseBody = (exchange: Exchange, error: BodyError): void => {
  const headers = { Connection: 'close' };
  if (error.status === 503) sendBusy(exchange, error.message, LIMITS.busySeconds, headers);
  else sendError(exchange, error, headers);
  discardBody(exchange);
};

/** Sends 204: EventSource stops reconnecting then (HTML, 9.2.3). */
const nothingFollows = ({ response, cors }: Exchange): void => {
  response.writeHead(204, cors).end();
};

/** The headers by which yoga chooses the media type. */
const headersFor = (request: IncomingMessage): Headers => {
  const headers = new Headers();
  for (const name of ['accept', 'content-type'] as const) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
};

const execute = async (exchange: CallersExchange, route: GraphqlRoute, body: JsonObject): Promise<void> => {
  const { request, response } = exchange;
  const last = lastEventId(request);
  if (last === undefined) {
    return sendJson(exchange, 400, errorBody('BAD_USER_INPUT', BAD_EVENT_ID, { argument: 'Last-Event-ID' }));
  }
  if (last === NOTHING_FOLLOWS) return nothingFollows(exchange);
  const resume = last === null ? null : { after: last, nothingFollows: false };
  const making: Making = { work: new Work(peerOf(request.socket)), signal: left(response) };
  const stream = new EventStream(response, exchange.backlog, formatResult);
  // No signal: yoga would answer at once when it fires, and forget a subscription that is still being opened.
  const init = { method: request.method ?? 'GET', headers: headersFor(request) };
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const large: ExecutionResult[] = [];
  try {
    const answer = await route.envelope.fetch(exchange.url.href, init, {
      caller: exchange.caller,
      address: request.socket.remoteAddress ?? '',
      client: exchange.client,
      sink: stream,
      ...(resume === null ? {} : { resume }),
      ...making,
      written,
      over: written,
      takeLarge: (result) => void large.push(result),
      body,
    });
    if (resume?.nothingFollows) return nothingFollows(exchange);
    const [result] = large;
    await (result === undefined ? send(exchange, route, answer, stream) : sendResult(exchange, answer, result, making));
  } finally {
    resolve();
  }
};

/** Headers of yoga that this service sets itself. */
const NOT_YOGAS = ['connection', 'content-encoding', 'cache-control'];

const headersOf = (answer: Response): OutgoingHttpHeaders => {
  const own: OutgoingHttpHeaders = Object.fromEntries(answer.headers);
  for (const name of NOT_YOGAS) delete own[name];
  return { ...(isEventStream(answer) ? STREAM_HEADERS : {}), ...own };
};

const NOT_ACCEPTABLE: HttpError = {
  status: 406,
  code: 'BAD_REQUEST',
  message:
    'No media type of the Accept header is supported. Queries and mutations are answered as application/json, ' +
    'application/graphql-response+json or text/event-stream; subscriptions as text/event-stream, or over a WebSocket ' +
    '(graphql-transport-ws). multipart/mixed is not supported: give Apollo Client a GraphQLWsLink for subscriptions.',
};

const isEventStream = (answer: Response): boolean =>
  answer.headers.get('content-type')?.startsWith('text/event-stream') === true;

/** Sends a large result of a query: yoga's response has headers and no body then. */
const sendResult = async (
  exchange: Exchange,
  answer: Response,
  result: ExecutionResult,
  making: Making,
): Promise<void> => {
  // The stream of yoga keeps a timer until it is read.
  await answer.text();
  const pieces = await resultPieces(formatResult(result), making);
  const headers = { ...headersOf(answer), ...exchange.cors };
  const body = isEventStream(answer) ? resultEvents(pieces, result.errors) : pieces;
  sendLarge(exchange, { status: answer.status, headers, body });
};

const send = async (
  exchange: CallersExchange,
  route: GraphqlRoute,
  answer: Response,
  stream: EventStream,
): Promise<void> => {
  const { response, cors } = exchange;
  if (answer.status === 406) return sendError(exchange, NOT_ACCEPTABLE);
  const headers = { ...headersOf(answer), ...cors };
  if (!(answer instanceof StreamedAnswer)) {
    const text = await answer.text();
    const events = isEventStream(answer);
    // EventSource gives up at any other status.
    const status = events ? 200 : answer.status;
    sendSmall(exchange, status, headers, Buffer.from(events ? endingFor(text) : text));
    return;
  }
  if (!response.destroyed) {
    response.writeHead(answer.status, headers);
    route.streams(exchange);
  }
  await stream.sendAll(answer.results, route.pingMs);
};
