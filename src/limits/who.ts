/** Names of callers and addresses, as limits count them. */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Caller } from '../domain/caller.ts';
import { shareOf } from '../identity/runTokens.ts';

/** Names by which a client is counted. */
export interface Client {
  readonly address: string;
  /** Null until it is known. */
  readonly caller: string | null;
}

type Counted = Pick<Caller, 'subject' | 'tenant' | 'runs' | 'apiTokenId' | 'countedAs'>;

/** To be made once for each request or WebSocket: it costs about 3 µs. */
export const clientOf = (address: string, caller: Counted | null): Client => ({
  address: addressKey(address),
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

/**
 * An IPv4 address as it is; of an IPv6 address its /64 network, because one client can have all addresses of such a
 * network (RFC 4291, 2.5.4).
 */
export const addressKey = (address: string): string => {
  const [plain = ''] = address.split('%');
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
};
