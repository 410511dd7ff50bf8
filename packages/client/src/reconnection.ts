/** One back-off for all subscriptions of a graphql-ws client: they wait together, and go on together. */
import type { Client } from 'graphql-ws';

/** What is known about a connection that was lost or could not be made. */
export interface Loss {
  /** Connections lost or refused in a row; the first is 1. Begins anew when something came over a connection. */
  readonly tries: number;
  /** Close code; null where the server answered, but with an error. Browsers tell 1006 for all that is no clean close. */
  readonly code: number | null;
  /** For a person: what the server or the WebSocket said, else what it may be. */
  readonly reason: string;
}
/** A subscription, as seen from here. */
export interface Waiter {
  /** Asks the server; called once for each `begin` or `retry`. */
  readonly start: () => void;
  readonly connected: () => void;
  readonly lost: (loss: Loss) => void;
}
export interface Reconnection {
  /** Starts at once, or with the others where a pause is under way. */
  readonly begin: (waiter: Waiter) => void;
  /** Starts again after the pause. */
  readonly retry: (waiter: Waiter) => void;
  readonly leave: (waiter: Waiter) => void;
  /** To be called when something came over the connection. */
  readonly works: () => void;
  readonly isConnected: () => boolean;
  /** Whether another try after this error of the connection would end alike. */
  readonly isFinal: (error: unknown) => boolean;
  readonly dispose: () => void;
}

/** A random pause, so that clients do not come back all at once. `tries` begins at 1. */
export const pauseMs = (tries: number, maxPauseMs: number): number =>
  Math.random() * Math.min(500 * 2 ** (tries - 1), maxPauseMs);

/**
 * Closes after which another try ends alike: a broken protocol, a message that is too large, a caller who is not let
 * in (4401). Not 4403: a token that has expired, and connectionParams is asked for a new one.
 */
const FINAL_CODES = [1002, 1003, 1007, 1008, 1009, 1010, 4004, 4400, 4401, 4406, 4409, 4429];
/**
 * So many refusals in a row are final: 4403, or an HTTP status 4xx in place of the handshake, where that is known and no
 * connection has ever been made. (Later it may be a proxy's whose service is being replaced.)
 */
const MAX_REFUSALS = 3;
/** A connection that lasted so long has worked, even if a filter let nothing through. */
const WORKED_MS = 10_000;
/** The WebSocket of the package `ws` tells the status of a refused handshake; browsers don't. */
const REFUSED = /Unexpected server response: 4(?!08|25|29)\d\d/;
const UNKNOWN =
  'No connection: the service is away, the address is wrong, or it refuses this page (see ALLOWED_ORIGINS).';

const codeOf = (error: unknown): number | null => {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : null;
};
/** Of an Error, or of the `error` event of a WebSocket. */
const messageOf = (error: unknown): string => {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : '';
};

/** Node.js has no such event; in a browser it comes when the machine has a network again. */
const browser = globalThis as {
  addEventListener?: (type: 'online', listener: () => void) => void;
  removeEventListener?: (type: 'online', listener: () => void) => void;
};

/** @param maxPauseMs bound of the random pause before a try */
export const createReconnection = (client: Client, maxPauseMs: number): Reconnection => {
  const all = new Set<Waiter>();
  const waiting = new Set<Waiter>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let tries = 0;
  let refusals = 0;
  let opened = false;
  let connectedAt: number | null = null;
  let hasConnected = false;
  /** Of the present connection, until `closed` follows it. */
  let error: unknown = null;

  const works = (): void => {
    tries = 0;
    refusals = 0;
  };
  const stopTimer = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    browser.removeEventListener?.('online', startAll);
  };
  /** All at once: graphql-ws makes one connection for them. */
  const startAll = (): void => {
    stopTimer();
    const ready = [...waiting];
    waiting.clear();
    for (const waiter of ready) waiter.start();
  };
  const schedule = (): void => {
    // A connection that is not closed yet must be, or graphql-ws takes its `closed` for that of the next one.
    if (timer !== null || error !== null || waiting.size === 0) return;
    timer = setTimeout(startAll, pauseMs(Math.max(tries, 1), maxPauseMs));
    browser.addEventListener?.('online', startAll);
  };

  const onOpened = (): void => {
    opened = true;
  };
  const onConnected = (): void => {
    connectedAt = performance.now();
    hasConnected = true;
    startAll();
    for (const waiter of all) waiter.connected();
  };
  const onError = (found: unknown): void => {
    error = found ?? 'unknown';
  };
  const onClosed = (event: unknown): void => {
    if (connectedAt !== null && performance.now() - connectedAt > WORKED_MS) works();
    tries += 1;
    const code = codeOf(event);
    const said = (event as { readonly reason?: unknown } | null)?.reason;
    const message = messageOf(error);
    if (code === 4403 || (!hasConnected && REFUSED.test(message))) refusals += 1;
    const reason = (typeof said === 'string' && said) || message || (opened ? 'The connection was lost.' : UNKNOWN);
    [opened, connectedAt, error] = [false, null, null];
    for (const waiter of all) waiter.lost({ tries, code, reason });
    schedule();
  };
  const listeners = [
    client.on('opened', onOpened),
    client.on('connected', onConnected),
    client.on('error', onError),
    client.on('closed', onClosed),
  ];

  const retry = (waiter: Waiter): void => {
    waiting.add(waiter);
    schedule();
  };
  return {
    begin: (waiter) => {
      // Who closed the last connection in good order has nothing to be told of it.
      if (all.size === 0) works();
      all.add(waiter);
      if (timer === null && error === null) waiter.start();
      else waiting.add(waiter);
    },
    retry,
    leave: (waiter) => {
      all.delete(waiter);
      waiting.delete(waiter);
      if (waiting.size === 0) stopTimer();
    },
    works,
    isConnected: () => connectedAt !== null,
    isFinal: (found) => {
      if (refusals >= MAX_REFUSALS) return true;
      const code = codeOf(found);
      if (code !== null) return FINAL_CODES.includes(code);
      // An Error of a connection that stood: a message that is none. Before that, connectionParams has thrown.
      return found instanceof Error && connectedAt !== null;
    },
    dispose: () => {
      stopTimer();
      for (const off of listeners) off();
    },
  };
};
