/** Answers that no route sends: to upgrades, to bytes that are not a valid HTTP request, and to an unknown `Expect`. */
import { type IncomingMessage, maxHeaderSize, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LIMITS } from '../domain/limits.ts';
import { errorBody, type HttpError } from './exchange/respond.ts';
import { SECURITY_HEADERS } from './exchange/securityHeaders.ts';

/** Writes an error as the whole HTTP response and closes the connection. A 503 with LIMIT_EXCEEDED says when to try again. */
export const refuseOnSocket = (socket: Duplex, { status, code, message }: HttpError): void => {
  const retryAfterSeconds = status === 503 && code === 'LIMIT_EXCEEDED' ? LIMITS.busySeconds : null;
  const body = errorBody(code, message, retryAfterSeconds === null ? {} : { retryAfterSeconds });
  const headers = {
    ...SECURITY_HEADERS,
    Connection: 'close',
    ...(retryAfterSeconds === null ? {} : { 'Retry-After': retryAfterSeconds }),
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
};

/** For the event `clientError` of an HTTP server: the request could not be parsed, so no handler has seen it. */
export const refuseUnparsed = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, UNPARSED[error.code ?? ''] ?? NOT_HTTP);
};

const NOT_HTTP: HttpError = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'This is not a valid HTTP/1.1 request.',
};
const UNPARSED: Readonly<Record<string, HttpError>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'LIMIT_EXCEEDED',
    message: `The request headers are too large: at most ${maxHeaderSize} bytes in total.`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'BAD_REQUEST',
    message: 'The request took too long to arrive. Send it again.',
  },
};

/** For the event `checkExpectation` of an HTTP server: the header Expect asks for something else than 100-continue. */
export const refuseExpectation = (_request: IncomingMessage, response: ServerResponse): void => {
  const body = errorBody('BAD_REQUEST', 'The Expect header is not supported. Send the request without it.');
  response.writeHead(417, { ...SECURITY_HEADERS, 'Content-Type': 'application/json; charset=utf-8' }).end(body);
};
