/** Answers to what Node.js makes no response object for: upgrades, and bytes that are not a valid HTTP request. */
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';
import { errorBody } from './exchange/respond.ts';

/** Writes an error as the whole HTTP response and closes the connection. A 503 with LIMIT_EXCEEDED says when to try again. */
export const refuseOnSocket = (socket: Duplex, status: number, code: ErrorCode, message: string): void => {
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
  const [status, code, message] = UNPARSED[error.code ?? ''] ?? NOT_HTTP;
  refuseOnSocket(socket, status, code, message);
};

type Refusal = readonly [status: number, code: ErrorCode, message: string];
const NOT_HTTP: Refusal = [400, 'BAD_REQUEST', 'This is not a valid HTTP/1.1 request.'];
const UNPARSED: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'LIMIT_EXCEEDED',
    `The request headers are too large: at most ${maxHeaderSize} bytes in total.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'BAD_REQUEST', 'The request took too long to arrive. Send it again.'],
};
