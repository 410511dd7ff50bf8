/** Answers to what Node.js makes no response object for: upgrades, and bytes that are not a valid HTTP request. */
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LIMITS } from '../domain/limits.ts';
import { errorBody, type HttpError } from './exchange/respond.ts';

/** Writes an error as the whole HTTP response and closes the connection. A 503 with LIMIT_EXCEEDED says when to try again. */
export const refuseOnSocket = (socket: Duplex, { status, code, message }: HttpError): void => {
  const retryAfterSeconds = status === 503 && code === 'LIMIT_EXCEEDED' ? LIMITS.busySeconds : null;
  const body = errorBody(code, message, retryAfterSeconds === null ? {} : { retryAfterSeconds });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `${retryAfterSeconds === null ? '' : `Retry-After: ${retryAfterSeconds}\r\n`}` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
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
