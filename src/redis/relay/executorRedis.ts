/** The address at which executors reach Redis: derived from the service's, or EXECUTOR_REDIS_URL unchanged. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { RedisMount, RedisReach } from '../../launchers/launcher.ts';
import { isLoopback } from '../../system/loopback.ts';
import { formatRedisUrl, parseRedisUrl, type RedisAddress } from '../../wire/redisUrl.ts';
import type { Environment } from '../private/serverBinary.ts';
import { keepRelay } from './relay.ts';

export interface RedisForExecutors extends AsyncDisposable {
  /** REDIS_URL of an executor with this user; null: with the login that the address has itself. */
  urlFor(credentials: Pick<RedisAddress, 'username' | 'password'> | null): string;
  /** EXECUTOR_REDIS_URL has a user or a password, which is then everybody's. */
  readonly hasLogin: boolean;
  /** Null where the address is reached without a mount. */
  readonly mount: RedisMount | null;
}

export interface RedisForExecutorsOptions {
  readonly serviceUrl: string;
  /** EXECUTOR_REDIS_URL */
  readonly explicitUrl: string | null;
  /** As the launcher declares it. */
  readonly reach: RedisReach;
  readonly runtimeDirectory: string | null;
  readonly environment: Environment;
  readonly logger: Logger;
}

/** @throws Error where a relay is needed and does not start, or where no address can be reached by the launcher */
export const redisForExecutors = async (options: RedisForExecutorsOptions): Promise<RedisForExecutors> => {
  const { serviceUrl, explicitUrl, reach } = options;
  if (explicitUrl !== null) {
    const explicit = parseRedisUrl(explicitUrl);
    const found = reach.by === 'mount' ? await mounted(explicit, reach) : direct(explicit);
    return { ...found, hasLogin: explicit.username !== null || explicit.password !== null };
  }
  const address = parseRedisUrl(serviceUrl);
  switch (reach.by) {
    case 'host':
      return direct(address);
    case 'mount':
      return await byMount(address, reach, options);
    case 'network':
      if (address.socketPath === null && !isLoopback(address.host)) return direct(address);
      throw new Error(
        'Executors on other machines cannot reach a Redis on a unix socket or on loopback. Set EXECUTOR_REDIS_URL.',
      );
  }
};

type MountReach = Extract<RedisReach, { readonly by: 'mount' }>;

const byMount = async (
  address: RedisAddress,
  reach: MountReach,
  options: RedisForExecutorsOptions,
): Promise<RedisForExecutors> => {
  if (address.socketPath === null) {
    if (!isLoopback(address.host) || reach.sharesLoopback) return direct(address);
  } else if (await keepsOthersOut(dirname(address.socketPath))) {
    return await mounted(address, reach);
  }
  const relay = await keepRelay(address, options);
  const { gid } = await stat(relay.directory);
  return {
    ...direct(throughMount(address, reach, relay.socketName)),
    mount: { directory: relay.directory, gid },
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
};

/** Whether only owner and group have access: else a run's command could use the socket and what else is there. */
const keepsOthersOut = async (directory: string): Promise<boolean> => ((await stat(directory)).mode & 0o007) === 0;

const direct = (address: RedisAddress): RedisForExecutors => ({
  urlFor: (credentials) => formatRedisUrl(credentials === null ? address : { ...address, ...credentials }),
  hasLogin: false,
  mount: null,
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

/** Mounts the socket's directory and not the socket: a mounted socket is dead after a restart of Redis. */
const mounted = async (address: RedisAddress, reach: MountReach): Promise<RedisForExecutors> => {
  if (address.socketPath === null) return direct(address);
  const directory = dirname(address.socketPath);
  const { gid } = await stat(directory);
  return { ...direct(throughMount(address, reach, basename(address.socketPath))), mount: { directory, gid } };
};

const throughMount = (address: RedisAddress, { directory }: MountReach, socketName: string): RedisAddress => ({
  ...address,
  socketPath: join(directory, socketName),
  host: '',
  port: 0,
  tls: false,
});
