/** Who sends a request or opens a WebSocket: every transport asks here and nowhere else. */
import type { IncomingHttpHeaders } from 'node:http';
import { doubling, retry } from '../../async/retry.ts';
import type { Caller } from '../../domain/caller.ts';
import { Unavailable } from '../../domain/errors.ts';
import { type Authenticator, NO_AUTHENTICATION } from '../../identity/authenticator.ts';
import { Sessions } from '../../identity/sessions.ts';

/** Decides who is let in, and for how long. */
export interface Admission {
  readonly authenticator: Authenticator;
  /** Everything that stays open is entered here. */
  readonly sessions: Sessions;
}

/** AUTH=none. */
export const openAdmission = (): Admission => ({ authenticator: NO_AUTHENTICATION, sessions: new Sessions() });

/** Where a client can put its credentials. */
export interface Credentials {
  /** Of the request, or of the request that was upgraded to the WebSocket. */
  readonly headers: IncomingHttpHeaders;
  /** Payload of connection_init; null for HTTP. */
  readonly connectionParams: Readonly<Record<string, unknown>> | null;
  /** Address of the client. */
  readonly address: string;
  /** Ticket of a link to a log. It is used only if the request has no Authorization header. */
  readonly link?: { readonly ticket: string; readonly path: string } | null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The member `authorization`, in any case. Undefined if there is none, or if it is empty. */
const authorizationOf = (params: unknown): unknown => {
  if (!isObject(params)) return undefined;
  const found = Object.entries(params).filter(
    ([name, value]) => name.toLowerCase() === 'authorization' && value !== '' && value !== null,
  );
  return (found.find(([name]) => name === 'authorization') ?? found[0])?.[1];
};

/**
 * The text `Bearer …`: of connectionParams, else of the map `headers` in them, which GraphiQL sends, else of the request.
 * Null if none was sent.
 */
const authorizationIn = ({ headers, connectionParams }: Credentials): string | null => {
  const given =
    authorizationOf(connectionParams) ?? authorizationOf(connectionParams?.headers) ?? headers.authorization ?? null;
  // What is not a text is not a token either, but something was sent.
  return typeof given === 'string' || given === null ? given : '';
};

/**
 * The caller of an HTTP request.
 * @throws Unauthenticated; ShareUsedUp; Unavailable while Redis or the identity provider is away
 */
export const callerOf = (authenticator: Authenticator, credentials: Credentials): Promise<Caller> => {
  const { headers, address, link = null } = credentials;
  return link !== null && headers.authorization === undefined
    ? authenticator.authenticateLink(link.ticket, link.path, address)
    : authenticator.authenticate(authorizationIn(credentials), address);
};

/**
 * The caller of a WebSocket or of an event stream, which wait while Redis or the identity provider is away.
 * @throws Unauthenticated; ShareUsedUp; the signal's reason
 */
export const awaitCaller = (
  authenticator: Authenticator,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Caller> =>
  retry(() => callerOf(authenticator, credentials), {
    signal,
    pauseMs: doubling(100, 2000),
    isFinal: (error) => !(error instanceof Unavailable),
  });
