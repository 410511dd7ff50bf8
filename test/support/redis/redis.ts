/** A private, real redis-server for one test file: a unix socket in a short directory, no TCP port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface TestRedis extends AsyncDisposable {
  /** `unix:///…`, in the form of REDIS_URL. */
  readonly url: string;
  readonly socketPath: string;
  /** The directory of the socket, without anything else of value; it is mounted into containers. */
  readonly directory: string;
  readonly pid: number;
  /** A connection that is ready. The caller may quit it; `stop` closes the others. */
  connect(): Promise<Redis>;
  /** Ends the server and removes its directory. May be called again. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** Further arguments of redis-server, such as ['--maxmemory', '10mb']. */
  readonly config?: readonly string[];
  /** Directory of its files, to start a stopped server again; default: a new directory that `stop` removes. */
  readonly directory?: string;
}

const READY_MS = 10_000;

const exited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Starts it and waits until it answers. @throws Error with the output of redis-server if it does not start */
export const startRedis = async (options: TestRedisOptions = {}): Promise<TestRedis> => {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'rl-redis-')));
  const socketPath = join(directory, 'redis.sock');
  const defaults = ['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '777', '--save', ''];
  const child = spawn('redis-server', [...defaults, '--dir', directory, ...(options.config ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const keep = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-4096);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const failure = new Promise<never>((_resolve, reject) => child.once('error', reject));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  failure.catch(() => undefined);
  const connections = new Set<Redis>();

  const connect = async (): Promise<Redis> => {
    const redis = new Redis({ path: socketPath, lazyConnect: true, retryStrategy: () => 50 });
    redis.on('error', () => undefined);
    connections.add(redis);
    redis.once('end', () => connections.delete(redis));
    await redis.connect();
    return redis;
  };
  const stop = async (): Promise<void> => {
    for (const redis of connections) redis.disconnect();
    connections.clear();
    if (child.pid !== undefined && !exited(child)) {
      child.kill('SIGKILL');
      await ended;
    }
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  };

  try {
    await Promise.race([failure, untilAnswers(socketPath, child, () => printed)]);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `unix://${socketPath}`;
  return { url, socketPath, directory, pid: child.pid ?? 0, connect, stop, [Symbol.asyncDispose]: stop };
};

const untilAnswers = async (path: string, child: ChildProcess, printed: () => string): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  const probe = new Redis({ path, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  probe.on('error', () => undefined);
  try {
    for (;;) {
      if (exited(child)) throw new Error(`redis-server exited at once: ${printed()}`);
      const answer = await probe
        .connect()
        .then(() => probe.ping())
        .catch(() => null);
      if (answer === 'PONG') return;
      if (Date.now() > deadline) throw new Error(`redis-server did not answer in time: ${printed()}`);
      await delay(20);
    }
  } finally {
    probe.disconnect();
  }
};
