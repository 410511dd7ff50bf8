/** Short connections to the private redis-server: one question, then they are closed. */
import { Redis } from 'ioredis';
import { pause } from '../../async/pause.ts';

/** Longest wait for the connection and for each reply. */
const REPLY_MS = 2000;
const POLL_MS = 50;
/** An executor whose run has just ended can still be connected for a moment; one that stays longer has a live run. */
const EXECUTOR_LEAVES_MS = 1000;

/** The line of an executor in CLIENT LIST (executors/attemptUser.ts; formerUser.ts). */
const EXECUTOR = / user=runloom-executor[: ]/m;

/** A connection without retries and queue, not connected yet. The caller disconnects it. */
export const oneConnection = (socketPath: string, password: string): Redis => {
  const redis = new Redis({
    path: socketPath,
    username: 'default',
    password,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: REPLY_MS,
    commandTimeout: REPLY_MS,
    disconnectTimeout: 100,
  });
  redis.on('error', () => undefined);
  return redis;
};

export interface ServerState {
  readonly pid: number;
  /** It reads its files and answers commands later. */
  readonly loading: boolean;
}

/** What the server on this socket says of itself; null if none answers in time. Never rejects. */
export const serverStateAt = async (socketPath: string, password: string): Promise<ServerState | null> => {
  const redis = oneConnection(socketPath, password);
  try {
    await redis.connect();
    const facts = await redis.info();
    const pid = Number(/^process_id:(\d+)/m.exec(facts)?.[1] ?? 0);
    return { pid, loading: /^loading:1/m.test(facts) };
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
};

/** Who is connected, after executors of ended runs had time to disconnect. */
export interface Clients {
  readonly executors: boolean;
  /** Connection names of services: what follows `runloom:`. */
  readonly instances: readonly string[];
}

/** @throws the connection's error */
export const settledClients = async (redis: Redis): Promise<Clients> => {
  const deadline = Date.now() + EXECUTOR_LEAVES_MS;
  for (;;) {
    const list = String(await redis.client('LIST'));
    const executors = EXECUTOR.test(list);
    if (!executors || Date.now() > deadline) {
      const instances = [...list.matchAll(/ name=runloom:([^: ]+):/g)].map(([, instance]) => instance ?? '');
      return { executors, instances };
    }
    await pause(POLL_MS);
  }
};
