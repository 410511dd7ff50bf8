/** Names of callers and addresses, as limits count them. */
import { createHash } from 'node:crypto';
import type { Caller } from '../domain/caller.ts';
import { shareOf } from '../identity/runTokens.ts';
import { networkOf } from '../system/network.ts';

/** Names by which a client is counted. */
export interface Client {
  readonly address: string;
  /** Null until it is known. */
  readonly caller: string | null;
}

type Counted = Pick<Caller, 'subject' | 'tenant' | 'runs' | 'apiTokenId' | 'countedAs'>;

/** To be made once for each request or WebSocket: it costs about 3 µs. */
export const clientOf = (address: string, caller: Counted | null): Client => ({
  address: networkOf(address),
  caller: caller === null ? null : callerKey(caller),
});

/** Characters of a hash: 132 bits. */
const HASH_CHARACTERS = 22;

/**
 * A short name without secrets: identity providers choose subjects of any length. A run token has its maker's subject; its
 * runs are in the name so that a browser does not use up what its backend may do. Its jti is not: it can make more tokens,
 * which count as itself.
 */
const callerKey = ({ subject, tenant, runs, apiTokenId, countedAs }: Counted): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant, subject, apiTokenId, runs === null ? null : (countedAs ?? shareOf(runs))]))
    .digest('base64url')
    .slice(0, HASH_CHARACTERS);
