/**
 * The one parser of Redis addresses, shared by service and executor.
 * `redis://` and `rediss://` are those of the IANA registration (https://www.iana.org/assignments/uri-schemes/prov/redis);
 * `unix://user:password@/path/to/socket?db=n` is what redis-py and go-redis read. It has no host, and `new URL` refuses a
 * password without a host, so it is parsed here.
 */

export interface RedisAddress {
  /** Absolute path of a unix socket; null for TCP. */
  readonly socketPath: string | null;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  /** Number of the database; default 0. */
  readonly db: number;
}

const UNIX = /^unix:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<path>\/[^?#]*)(?:\?(?<query>[^#]*))?$/;

/** Parses an address. @throws Error with one sentence that contains no password */
export const parseRedisUrl = (url: string): RedisAddress => {
  if (url.startsWith('unix:')) return parseUnix(url);
  if (!URL.canParse(url)) throw new Error('it is not a URL; use redis://host:port, rediss://host:port or unix:///path');
  const parsed = new URL(url);
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw new Error(`its scheme is ${parsed.protocol}// and not redis://, rediss:// or unix://`);
  }
  const path = decodeURIComponent(parsed.pathname.replace(/^\//, ''));
  return {
    socketPath: null,
    host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    tls: parsed.protocol === 'rediss:',
    username: decodeURIComponent(parsed.username) || null,
    password: decodeURIComponent(parsed.password) || null,
    db: database(path === '' ? parsed.searchParams.get('db') : path),
  };
};

const parseUnix = (url: string): RedisAddress => {
  const found = UNIX.exec(url)?.groups;
  const socketPath = found?.path === undefined ? '/' : decodeURIComponent(found.path);
  if (socketPath === '/') throw new Error('it has no absolute path; use unix:///path/to/redis.sock');
  return {
    socketPath,
    host: '',
    port: 0,
    tls: false,
    username: decodeURIComponent(found?.user ?? '') || null,
    password: decodeURIComponent(found?.password ?? '') || null,
    db: database(new URLSearchParams(found?.query).get('db')),
  };
};

const database = (text: string | null): number => {
  if (text === null) return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Error('its database is not a number');
  return Number(text);
};

/** The address as a URL that `parseRedisUrl` accepts. */
export const formatRedisUrl = (address: RedisAddress): string => {
  const { socketPath, username, password, db } = address;
  const secret = password === null ? '' : `:${encodeURIComponent(password)}`;
  const login = username === null && password === null ? '' : `${encodeURIComponent(username ?? '')}${secret}@`;
  if (socketPath !== null) {
    return `unix://${login}${encodeURI(socketPath).replaceAll('?', '%3F').replaceAll('#', '%23')}${db === 0 ? '' : `?db=${db}`}`;
  }
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.tls ? 'rediss' : 'redis'}://${login}${host}:${address.port}${db === 0 ? '' : `/${db}`}`;
};

/** The address for people and logs, without user and password. */
export const describeRedisUrl = (url: string): string => {
  const address = parseRedisUrl(url);
  return formatRedisUrl({ ...address, username: null, password: null });
};
