/** Who sends a request or opens a WebSocket: every transport asks here and nowhere else. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Caller, LOCAL_ADMIN } from '../../domain/caller.ts';

/** Where a client can put its credentials. */
export interface Credentials {
  /** Of the request, or of the request that was upgraded to the WebSocket. */
  readonly headers: IncomingHttpHeaders;
  /** Payload of connection_init; null for HTTP. */
  readonly connectionParams: Readonly<Record<string, unknown>> | null;
}

/** The caller of an HTTP request, or of all operations of a WebSocket. There is no authentication yet. */
export const callerOf = (_credentials: Credentials): Caller => LOCAL_ADMIN;
