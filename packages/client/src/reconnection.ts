/** One back-off for all subscriptions of a graphql-ws client: they wait together and resume together. */
import type { Client } from 'graphql-ws';

/** Facts about a connection that was lost or could not be opened. */
export interface Loss {
  /** Connections lost or refused in a row, starting at 1. Reset when something arrives over a connection. */
  readonly tries: number;
  /** Close code; null if the server answered with an error. Browsers report 1006 for every close that is not clean. */
  readonly code: number | null;
  /** For people: the reason that the server or the WebSocket gave, else the likely causes. */
  readonly reason: string;
  /** Pause before the next try, in ms; the browser's `online` event ends it early. */
  readonly retryInMs: number;
}
/** A subscription that waits for a connection. */
export interface Waiter {
  /** Asks the server. Called once for each `begin` or `retry`. */
  readonly start: () => void;
  readonly connected: () => void;
  readonly lost: (loss: Loss) => void;
}
export interface Reconnection {
  /** Starts the waiter at once or, during a pause, together with the others. */
  readonly begin: (waiter: Waiter) => void;
  /** Starts the waiter again after the pause. */
  readonly retry: (waiter: Waiter) => void;
  readonly leave: (waiter: Waiter) => void;
  /** Call it when something has arrived over the connection. */
  readonly works: () => void;
  readonly isConnected: () => boolean;
  /** Whether another try after this error would fail in the same way. */
  readonly isFinal: (error: unknown) => boolean;
  readonly dispose: () => void;
}

/** A random pause in ms, so that clients do not reconnect all at once. `tries` starts at 1. */
export const pauseMs = (tries: number, maxPauseMs: number): number =>
  Math.random() * Math.min(500 * 2 ** (tries - 1), maxPauseMs);

/** Close codes that a new try would meet again: a broken protocol, or a message that is too large. */
const FINAL_CODES = [1002, 1003, 1007, 1008, 1009, 1010, 4004, 4400, 4406, 4409, 4429];
/** The token is not valid, or no longer; it has expired. Each try calls connectionParams, which can give a new one. */
const UNAUTHORIZED = 4401;
const EXPIRED = 4403;
/**
 * Refusals in a row that are final. A refusal is close code 4401 or 4403 before the server has accepted the token or,
 * before the first connection, an HTTP status 4xx in place of the handshake. (After that, a 4xx may come from a proxy whose
 * service is being replaced.) The same codes later on only mean that the token has ceased to be valid.
 */
const MAX_REFUSALS = 3;
/** A connection that lasted this long has worked, even if a filter let no event through. */
const WORKED_MS = 10_000;
/** The package `ws` reports the status of a refused handshake; browsers do not. */
const REFUSED = /Unexpected server response: 4(?!08|25|29)\d\d/;
/** The end of the reason of close code 4429: a limit of the caller or its address is reached. */
const RETRY_AFTER = /retry after (\d+) s$/;
const UNKNOWN =
  'Could not connect: the service is down, the address is wrong, or the service refuses this page (see ALLOWED_ORIGINS).';

const codeOf = (error: unknown): number | null => {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : null;
};
/** The message of an Error or of a WebSocket's `error` event. */
const messageOf = (error: unknown): string => {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : '';
};

/** Seconds after which the service lets the client connect again; null if it gave no time. */
const retryAfterOf = (event: unknown): number | null => {
  const { reason } = (event ?? {}) as { readonly reason?: unknown };
  const seconds = typeof reason === 'string' ? RETRY_AFTER.exec(reason)?.[1] : undefined;
  return seconds === undefined ? null : Number(seconds);
};

/** Browsers fire `online` when the machine has a network again. Node.js has no such event. */
const browser = globalThis as {
  addEventListener?: (type: 'online', listener: () => void) => void;
  removeEventListener?: (type: 'online', listener: () => void) => void;
};

/** @param maxPauseMs upper bound of the random pause before a try */
export const createReconnection = (client: Client, maxPauseMs: number): Reconnection => {
  const all = new Set<Waiter>();
  const waiting = new Set<Waiter>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let tries = 0;
  /** Of the next try, in ms. */
  let pause = 0;
  let refusals = 0;
  let opened = false;
  /** The service asked for a pause until then (performance.now). */
  let notBefore = 0;
  let connectedAt: number | null = null;
  let hasConnected = false;
  /** The error of the current connection, until its `closed` event. */
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
  /** Starts all at once: graphql-ws opens one connection for them. */
  const startAll = (): void => {
    stopTimer();
    const ready = [...waiting];
    waiting.clear();
    for (const waiter of ready) waiter.start();
  };
  const schedule = (): void => {
    // Wait until the old connection is closed, or graphql-ws takes its `closed` event for that of the next one.
    if (timer !== null || error !== null || waiting.size === 0) return;
    const asked = Math.max(notBefore - performance.now(), 0);
    timer = setTimeout(startAll, asked + (tries === 0 ? pauseMs(1, maxPauseMs) : pause));
    if (asked === 0) browser.addEventListener?.('online', startAll);
  };

  const onOpened = (): void => {
    opened = true;
  };
  const onConnected = (): void => {
    connectedAt = performance.now();
    hasConnected = true;
    refusals = 0;
    startAll();
    for (const waiter of all) waiter.connected();
  };
  const onError = (found: unknown): void => {
    error = found ?? 'unknown';
  };
  const onClosed = (event: unknown): void => {
    if (connectedAt !== null && performance.now() - connectedAt > WORKED_MS) works();
    tries += 1;
    pause = pauseMs(tries, maxPauseMs);
    const code = codeOf(event);
    notBefore = performance.now() + (retryAfterOf(event) ?? 0) * 1000;
    const said = (event as { readonly reason?: unknown } | null)?.reason;
    const message = messageOf(error);
    const isRefusal = connectedAt === null && (code === UNAUTHORIZED || code === EXPIRED);
    if (isRefusal || (!hasConnected && REFUSED.test(message))) refusals += 1;
    const reason = (typeof said === 'string' && said) || message || (opened ? 'The connection was lost.' : UNKNOWN);
    [opened, connectedAt, error] = [false, null, null];
    for (const waiter of all) waiter.lost({ tries, code, reason, retryInMs: pause });
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
      // Earlier failures do not concern the first subscription after a time without any.
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
      // A token that was never accepted is a wrong one, and a new try would probably send it again.
      if (code === UNAUTHORIZED) return !hasConnected;
      if (code !== null) return FINAL_CODES.includes(code) && retryAfterOf(found) === null;
      // An Error during a connection means an invalid message. Before the connection, connectionParams has thrown.
      return found instanceof Error && connectedAt !== null;
    },
    dispose: () => {
      stopTimer();
      for (const off of listeners) off();
    },
  };
};
