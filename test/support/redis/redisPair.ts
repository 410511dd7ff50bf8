/** Two redis-servers behind one TCP address: a primary and its replica, as an operator runs them. */
import { createServer } from 'node:net';
import type { Redis } from 'ioredis';
import { type LinkProxy, startLinkProxy } from '../network/linkProxy.ts';
import { until } from '../runs/runs.ts';
import { startRedis, type TestRedis } from './redis.ts';

export interface RedisPair extends AsyncDisposable {
  /** redis://127.0.0.1:<port>: new connections reach the present primary. */
  readonly url: string;
  /** Admin connections directly to the two servers. */
  readonly first: Redis;
  readonly second: Redis;
  /**
   * The second server becomes the primary, and the first one its replica. Connections are not closed: clients of the
   * first server stay connected to it.
   */
  failOver(options?: { readonly addressStays?: boolean }): Promise<void>;
  /** New connections reach the second server from now on. `failOver` does this by default. */
  moveAddress(): void;
  /** Connections to the first server, without those of the admin and of replication. */
  leftOnFirst(): Promise<string[]>;
}

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** @param config further arguments of both servers */
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
      // The admin uses the unix socket; the flags M and S mean replication.
      return lines.filter((line) => !/ addr=\S*redis\.sock:/.test(line) && !/ flags=[MS]/.test(line));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
