/**
 * Keeps a relay running: a small process that copies bytes between a unix socket, which containers can mount, and a Redis
 * that they cannot reach (on loopback, or a socket in a directory that is open to all). It outlives the service, as runs do,
 * and the next service finds it by its socket. A flock(2) keeps it single for each user and target. See
 * docs/decisions/0022-a-relay-carries-bytes-to-a-redis-that-containers-cannot-reach.md.
 */
import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { interval } from '../../async/interval.ts';
import { pause } from '../../async/pause.ts';
import { makeShortDirectory, shortDirectoryFor } from '../../system/shortDirectory.ts';
import type { RedisAddress } from '../../wire/redisUrl.ts';
import type { Environment } from '../private/serverBinary.ts';

/** Where bytes are copied to. No password: executors log in through the relay. */
export type RelayTarget = Pick<RedisAddress, 'socketPath' | 'host' | 'port' | 'tls'>;

export interface RelayArguments {
  readonly socketPath: string;
  readonly target: RelayTarget;
  /** It ends itself after this time without a connection. */
  readonly idleMs: number;
}

export interface RelayOptions {
  readonly runtimeDirectory: string | null;
  readonly environment: Environment;
  readonly logger: Logger;
  /** For tests; default 5 minutes. */
  readonly idleMs?: number;
}

export interface Relay extends AsyncDisposable {
  /** Contains only the socket. */
  readonly directory: string;
  readonly socketName: string;
}

const SOCKET_NAME = 'redis.sock';
const START_MS = 10_000;
const POLL_MS = 50;
/** Well below idleMs: each check is a connection, so the relay stays while a service runs. */
const LOOK_EVERY_MS = 15_000;
const IDLE_MS = 300_000;

const START = `umask 007
exec 9>>"$1" || exit 74
flock -n 9 || exit 75
exec "$2" "$3" "$4"`;

/** Starts or finds the relay; resolves when it accepts connections. Restarts it when it is gone, until disposed. @throws Error */
export const keepRelay = async (address: RelayTarget, options: RelayOptions): Promise<Relay> => {
  const { logger } = options;
  const target: RelayTarget = {
    socketPath: address.socketPath,
    host: address.host,
    port: address.port,
    tls: address.tls,
  };
  const base = shortDirectoryFor(options.runtimeDirectory, `relay ${JSON.stringify(target)}`);
  await makeShortDirectory(base);
  const directory = join(base, 's');
  await mkdir(directory, { mode: 0o750, recursive: true });
  const socketPath = join(directory, SOCKET_NAME);
  const call: RelayArguments = { socketPath, target, idleMs: options.idleMs ?? IDLE_MS };
  await ensure(base, call, options.environment);
  const look = (): Promise<void> =>
    ensure(base, call, options.environment).catch((error: unknown) =>
      logger.error({ err: error }, 'could not start the relay to Redis'),
    );
  const stopLooking = interval(look, Math.min(LOOK_EVERY_MS, call.idleMs / 4));
  return {
    directory,
    socketName: SOCKET_NAME,
    async [Symbol.asyncDispose]() {
      stopLooking();
      await Promise.resolve();
    },
  };
};

const ensure = async (base: string, call: RelayArguments, environment: Environment): Promise<void> => {
  const deadline = Date.now() + START_MS;
  let started = false;
  while (!(await takesConnections(call.socketPath))) {
    if (!started) await spawnRelay(base, call, environment);
    started = true;
    if (Date.now() > deadline) throw new Error(`The relay to Redis did not start. Read ${join(base, 'relay.log')}.`);
    await pause(POLL_MS);
  }
};

const spawnRelay = async (base: string, call: RelayArguments, environment: Environment): Promise<void> => {
  const program = fileURLToPath(new URL('relayMain.ts', import.meta.url));
  // Truncated at each start: it has text only after a failure.
  const log = await open(join(base, 'relay.log'), 'w', 0o600);
  try {
    const args = [join(base, 'relay.lock'), process.execPath, program, JSON.stringify(call)];
    const stdio: ('ignore' | number)[] = ['ignore', log.fd, log.fd];
    const child = spawn('sh', ['-c', START, 'sh', ...args], {
      cwd: '/',
      detached: true,
      env: { ...environment },
      stdio,
    });
    child.unref();
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  } finally {
    await log.close();
  }
};

/** The connection also shows the relay that it is still needed. */
const takesConnections = async (path: string): Promise<boolean> => {
  const socket = connect(path);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
};
