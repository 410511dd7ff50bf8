/** Two redis-servers behind one TCP address: a primary with its replica, as an operator has them. */
import { createServer } from 'node:net';
import type { Redis } from 'ioredis';
import { type LinkProxy, startLinkProxy } from '../network/linkProxy.ts';
import { until } from '../runs/runs.ts';
import { startRedis, type TestRedis } from './redis.ts';

export interface RedisPair extends AsyncDisposable {
  /** redis://127.0.0.1:<port>: new connections through it reach the primary of now. */
  readonly url: string;
  /** Admin connections to the two servers, beside the address. */
  readonly first: Redis;
  readonly second: Redis;
  /**
   * The second becomes the primary, and the first its replica. Connections are left alone: who was connected to the
   * first one stays connected to it.
   */
  failOver(options?: { readonly addressStays?: boolean }): Promise<void>;
  /** New connections reach the second server from now on. `failOver` does it unless told otherwise. */
  moveAddress(): void;
  /** Connections to the first server but for the admin's and its replication. */
  leftOnFirst(): Promise<string[]>;
}

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** @param config more arguments of both servers */
export const startRedisPair = async (config: readonly string[] = []): Promise<RedisPair> => {
  await using begun = new AsyncDisposableStack();
  const [firstPort, secondPort] = [await freePort(), await freePort()];
  const start = async (port: number): Promise<TestRedis> =>
    begun.use(await startRedis({ config: ['--port', String(port), '--bind', '127.0.0.1', ...config] }));
  const [one, two] = [await start(firstPort), await start(secondPort)];
  const [first, second] = [await one.connect(), await two.connect()];
  const proxy: LinkProxy = begun.use(await startLinkProxy(`redis://127.0.0.1:${firstPort}`));
  await second.replicaof('127.0.0.1', firstPort);
  await until(
    () => second.info('replication'),
    (facts) => facts.includes('master_link_status:up'),
  );
  const moveAddress = (): void => proxy.target(`redis://127.0.0.1:${secondPort}`);
  const parts = begun.move();
  return {
    url: proxy.url.replace('http', 'redis'),
    first,
    second,
    moveAddress,
    async failOver({ addressStays = false } = {}) {
      await first.wait(1, 2000);
      await second.replicaof('NO', 'ONE');
      if (!addressStays) moveAddress();
      await first.replicaof('127.0.0.1', secondPort);
      await until(
        () => first.info('replication'),
        (facts) => facts.includes('master_link_status:up'),
      );
    },
    async leftOnFirst() {
      const lines = String(await first.client('LIST'))
        .trimEnd()
        .split('\n');
      // The admin's comes by the unix socket; M and S are replication's.
      return lines.filter((line) => !/ addr=\S*redis\.sock:/.test(line) && !/ flags=[MS]/.test(line));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
