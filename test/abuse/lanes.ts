/** How abuses send: requests in lanes, messages on WebSockets. */
import { setTimeout as delay } from 'node:timers/promises';
import type WebSocket from 'ws';
import type { Wire } from './wire.ts';

export const operation = (query: string, variables: object = {}): string => JSON.stringify({ query, variables });
export const aliased = (count: number, field: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `a${i}: ${field(i)}`).join(' ');

/** Posts in so many lanes at once, one request after the other in each. */
export const again = async (wire: Wire, lanes: number, body: (i: number) => string): Promise<void> => {
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (!wire.signal.aborted) {
      sent += 1;
      await wire.post(body(sent));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
};

/** Keeps so many WebSockets busy and reopens those that are closed. */
export const onSockets = async (
  wire: Wire,
  count: number,
  reads: boolean,
  use: (socket: WebSocket) => Promise<void>,
): Promise<void> => {
  const one = async (): Promise<void> => {
    while (!wire.signal.aborted) {
      const socket = await wire.socket(reads);
      if (socket === null) await delay(50);
      while (socket?.readyState === 1 && !wire.signal.aborted) await use(socket);
      socket?.terminate();
    }
  };
  await Promise.all(Array.from({ length: count }, one));
};

/** Sends as much as the kernel accepts, then waits, so that the memory of the abuser stays bounded. */
export const flood = async (socket: WebSocket, messages: readonly string[]): Promise<void> => {
  for (const message of messages) socket.send(message);
  do await delay(5);
  while (socket.bufferedAmount > 1_000_000 && socket.readyState === 1);
};

export const request = (body: string): string =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const subscribe = (id: string, query: string): string =>
  JSON.stringify({ id, type: 'subscribe', payload: { query } });

let ids = 0;
/** An id or name that was not used before. */
export const newId = (): number => {
  ids += 1;
  return ids;
};
