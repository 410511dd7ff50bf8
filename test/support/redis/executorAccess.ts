/** Executors' access to a test's Redis, as the service opens it. */
import { pino } from 'pino';
import { connectRedis, type RedisConnection } from '../../../src/redis/connection.ts';
import {
  type ExecutorAccess,
  type ExecutorAccessOptions,
  openExecutorAccess,
} from '../../../src/redis/executors/executorAccess.ts';
import { redisForExecutors } from '../../../src/redis/relay/executorRedis.ts';
import { executingAttempts } from '../../../src/runs/records/executing.ts';

export interface TestAccess extends AsyncDisposable {
  readonly access: ExecutorAccess;
  readonly connection: RedisConnection;
  /** Lines for the operator. */
  readonly said: readonly string[];
}

/** `serviceUrl`: the service's own login. */
export const testAccess = async (
  serviceUrl: string,
  options: Partial<ExecutorAccessOptions> & { readonly explicitUrl?: string } = {},
): Promise<TestAccess> => {
  const logger = pino({ level: 'silent' });
  const connection = connectRedis(serviceUrl, 'commands', 'test', logger);
  await connection.whenReady(AbortSignal.timeout(10_000));
  const said: string[] = [];
  const address = await redisForExecutors({
    serviceUrl,
    explicitUrl: options.explicitUrl ?? null,
    reach: { by: 'host' },
    runtimeDirectory: null,
    environment: {},
    logger,
  });
  const access = await openExecutorAccess({
    connection,
    address,
    masterKey: Buffer.alloc(32, 3),
    installation: 'test',
    db: 0,
    executing: () => executingAttempts(connection.redis),
    say: (line) => said.push(line),
    logger,
    ...options,
  });
  return { access, connection, said, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
};
