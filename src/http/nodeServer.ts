/** The server of Node.js with this service's time limits, and with answers of its own to what it cannot parse. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { refuseExpectation, refuseUnparsed } from './rawAnswers.ts';

/** How long a client can take to send a request, and its headers. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
/**
 * How long a connection can be idle between two requests. Longer than the 60 s of common load balancers, so that the
 * balancer closes it first and never sends a request into a connection that is being closed here.
 */
const IDLE_MS = 75_000;

/** Not listening yet. `admit` gets each new connection before its first request. */
export const createNodeServer = (answer: RequestListener, admit: (socket: Socket) => void): Server => {
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, keepAliveTimeout: IDLE_MS };
  // Node.js itself would refuse a request without Host, without the headers of this service.
  const server = createServer({ ...timeouts, requireHostHeader: false }, answer);
  server.on('connection', admit);
  server.on('clientError', refuseUnparsed);
  server.on('checkExpectation', refuseExpectation);
  return server;
};

/** Resolves with the port when the server listens. @throws what listening throws (EADDRINUSE, …) */
export const listen = async (server: Server, host: string, port: number): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
};

/** Stops accepting, and resolves when every connection is closed: those that are not idle after `patienceMs` are cut. */
export const closeServer = async (server: Server, patienceMs: number): Promise<void> => {
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), patienceMs);
  await stopped;
  clearTimeout(timer);
};
