/**
 * Registries that only this machine or its network can reach: an image name must not make the engine connect there. Pure.
 * The addresses are those of https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry.
 */
import { registryOf } from './allowedImages.ts';

/** First address and prefix length of IPv4 networks that are not public. */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];
/** Domains that no public name server knows (RFC 6761, RFC 6762, RFC 8375, ICANN), and usual ones of local networks. */
const PRIVATE_DOMAINS = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'localdomain',
  'lan',
  'intranet',
  'corp',
  'home',
];

const numberOf = (dotted: string): number => dotted.split('.').reduce((number, part) => number * 256 + Number(part), 0);

const isPrivateV4 = (dotted: string): boolean => {
  const address = numberOf(dotted);
  return PRIVATE_V4.some(([first, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(address / size) === Math.floor(numberOf(first) / size);
  });
};

/** The eight groups of an address as URL writes it: lower case, no dotted part. */
const groupsOf = (address: string): number[] => {
  const [head = '', tail] = address.split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [parse(head), parse(tail ?? '')];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
};

const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');

const isPrivateV6 = (address: string): boolean => {
  const [a = 0, b = 0, c = 0, , , f = 0, g = 0, h = 0] = groupsOf(address);
  const zeros = (count: number): boolean =>
    groupsOf(address)
      .slice(0, count)
      .every((group) => group === 0);
  // Addresses that contain an IPv4 address: mapped, compatible (:: and ::1 too), NAT64, 6to4.
  if (zeros(5) && f === 0xffff) return isPrivateV4(dotted(g, h));
  if (zeros(6)) return isPrivateV4(dotted(g, h));
  if (a === 0x64 && b === 0xff9b) return true;
  if (a === 0x2002) return isPrivateV4(dotted(b, c));
  // Unique local, link-local and site-local, multicast; outside of 2000::/3 nothing is public.
  return (a & 0xe000) !== 0x2000;
};

/** Whether an address is not public. The text is an IP address in any usual form. */
export const isPrivateAddress = (address: string): boolean => {
  // URL also reads 127.1, 2130706433, 0x7f000001 and 0177.0.0.1, as engines and their resolvers do.
  const text = address.includes(':') ? `http://[${address.replace(/%.*$/, '')}]` : `http://${address}`;
  if (!URL.canParse(text)) return true;
  const { hostname } = new URL(text);
  return hostname.startsWith('[') ? isPrivateV6(hostname.slice(1, -1)) : isPrivateV4(hostname);
};

/** Whether a host, without a port, is an address that is not public, or a name of a local network. */
export const isPrivateHost = (host: string): boolean => {
  const name = host.toLowerCase().replace(/\.+$/, '');
  if (name.startsWith('[')) return isPrivateAddress(name.replace(/^\[|\]$/g, ''));
  if (!URL.canParse(`http://${name}`)) return true;
  const { hostname } = new URL(`http://${name}`);
  if (/^\d+(\.\d+){3}$/.test(hostname)) return isPrivateV4(hostname);
  return !hostname.includes('.') || PRIVATE_DOMAINS.some((domain) => hostname.endsWith(`.${domain}`));
};

/** The host of an image's registry, without its port; null for Docker Hub, whose name nobody chooses. */
export const registryHost = (image: string): string | null => {
  const registry = registryOf(image);
  return registry === 'docker.io' ? null : registry.replace(/:\d*$/, '');
};

/** Whether the image's registry has a private name or address. Names that resolve to one are the launcher's to find. */
export const isPrivateRegistry = (image: string): boolean => {
  const host = registryHost(image);
  return host !== null && isPrivateHost(host);
};
