/** What executors connect to: derived from the service's Redis, or EXECUTOR_REDIS_URL as it is given. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { isLoopback } from '../../system/loopback.ts';
import { REDIS_DIRECTORY } from '../../wire/executorRoot.ts';
import { formatRedisUrl, parseRedisUrl, type RedisAddress } from '../../wire/redisUrl.ts';
import type { Credentials } from '../executorUser.ts';
import type { Environment } from '../private/serverBinary.ts';
import { keepRelay } from './relay.ts';

export interface RedisForExecutors extends AsyncDisposable {
  /** REDIS_URL of an executor. */
  readonly url: string;
  /** On this machine; to be mounted read-only at REDIS_DIRECTORY. Null where the url is reached by network. */
  readonly mountDirectory: string | null;
  /** The group that may use the directory: an extra group of the executor. */
  readonly mountGid: number | null;
}

export interface RedisForExecutorsOptions {
  readonly serviceUrl: string;
  /** EXECUTOR_REDIS_URL */
  readonly explicitUrl: string | null;
  readonly launcher: 'container' | 'process';
  /** EXECUTOR_NETWORK; on the engine's "host" network, loopback is this machine's. */
  readonly network: string;
  /** The executors' user; null: the service's own login. */
  readonly credentials: Credentials | null;
  readonly runtimeDirectory: string | null;
  readonly environment: Environment;
  readonly logger: Logger;
}

/** @throws Error where a relay is needed and does not start */
export const redisForExecutors = async (options: RedisForExecutorsOptions): Promise<RedisForExecutors> => {
  const { serviceUrl, explicitUrl, launcher, network, credentials } = options;
  if (explicitUrl !== null) return launcher === 'container' ? await mounted(explicitUrl) : byUrl(explicitUrl);
  const service = parseRedisUrl(serviceUrl);
  const address: RedisAddress = credentials === null ? service : { ...service, ...credentials };
  if (launcher === 'process') return byUrl(formatRedisUrl(address));
  if (address.socketPath === null) {
    if (!isLoopback(address.host) || network === 'host') return byUrl(formatRedisUrl(address));
  } else if (await keepsOthersOut(dirname(address.socketPath))) {
    return await mounted(formatRedisUrl(address));
  }
  const relay = await keepRelay(address, options);
  const { gid } = await stat(relay.directory);
  return {
    url: inContainer(address, relay.socketName),
    mountDirectory: relay.directory,
    mountGid: gid,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
};

/** A directory that is open to all would show a run's command the socket, and whatever else lies there. */
const keepsOthersOut = async (directory: string): Promise<boolean> => ((await stat(directory)).mode & 0o007) === 0;

const byUrl = (url: string): RedisForExecutors => ({
  url,
  mountDirectory: null,
  mountGid: null,
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

const mounted = async (url: string): Promise<RedisForExecutors> => {
  const address = parseRedisUrl(url);
  if (address.socketPath === null) return byUrl(url);
  const mountDirectory = dirname(address.socketPath);
  const { gid } = await stat(mountDirectory);
  const name = address.socketPath.slice(mountDirectory.length).replace(/^\//, '');
  return { ...byUrl(inContainer(address, name)), mountDirectory, mountGid: gid };
};

const inContainer = (address: RedisAddress, socketName: string): string =>
  formatRedisUrl({
    ...address,
    socketPath: join(REDIS_DIRECTORY, socketName),
    host: '',
    port: 0,
    tls: false,
  });
