/** What counts as one client of a limit on addresses, and in turns. */
import { isIPv6, type Socket } from 'node:net';

/**
 * An IPv4 address as it is; of an IPv6 address its /64 network, because one client can have all addresses of such a
 * network (RFC 4291, 2.5.4).
 */
export const networkOf = (address: string): string => {
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

/** The same for the client of a connection; an empty text if the connection is closed. */
export const peerOf = ({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string => networkOf(remoteAddress);
