/** How executors get to Redis: each attempt with a user of its own, where Redis allows to make users. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import type { RedisConnection } from '../connection.ts';
import type { RedisForExecutors } from '../relay/executorRedis.ts';
import { type Attempt, attemptCredentials, attemptOf, type Credentials, setUserArguments } from './attemptUser.ts';
import { ExecutorScripts } from './executorScripts.ts';
import { FormerUser } from './formerUser.ts';

export interface ExecutorAccess {
  /** REDIS_URL of the attempt's executor, which works from then on. Safe to repeat. @throws the connection's error */
  open(runId: RunId, attempt: number): Promise<string>;
  /** Takes its rights away and closes its connections. Safe to repeat. @throws the connection's error */
  close(runId: RunId, attempt: number): Promise<void>;
  /** Attempts of this installation that have access now. Also repairs what Redis has forgotten. @throws as open */
  opened(): Promise<readonly Attempt[]>;
}

export interface ExecutorAccessOptions {
  readonly connection: RedisConnection;
  readonly address: RedisForExecutors;
  readonly masterKey: Buffer;
  readonly installation: string;
  /** Number of the database. */
  readonly db: number;
  /** Attempts whose executors can be alive, as the records show them. */
  readonly executing: () => Promise<readonly Attempt[]>;
  /** Prints a line for the operator. */
  readonly say: (line: string) => void;
  readonly logger: Logger;
}

/** All executors use the same address, whatever it allows. */
export const sharedAccess = (url: string): ExecutorAccess => ({
  open: () => Promise.resolve(url),
  close: () => Promise.resolve(),
  opened: () => Promise.resolve([]),
});

/**
 * Prepares Redis for executors, and again whenever Redis comes back. If Redis refuses ACL (managed services), or the
 * address has a login of its own (EXECUTOR_REDIS_URL), executors share a login, and the start says so.
 * @throws the connection's error
 */
export const openExecutorAccess = async (options: ExecutorAccessOptions): Promise<ExecutorAccess> => {
  const { connection, address, say, logger } = options;
  if (address.hasLogin) {
    say('WARNING: EXECUTOR_REDIS_URL has a login: executors share it, with all its rights. Leave the login out.');
    return sharedAccess(address.urlFor(null));
  }
  const refusal = await aclRefusal(connection.redis, options.installation);
  if (refusal !== null) {
    say("WARNING: Redis refuses ACL SETUSER: executors use the service's own login, with all its rights.");
    logger.warn({ err: refusal }, "ACL SETUSER was refused: executors will use the service's own Redis credentials");
    return sharedAccess(address.urlFor(null));
  }
  if (await isOpen(connection.redis)) {
    say(
      'WARNING: Redis has a user "default" without a password. Whoever reaches Redis has all rights. Set requirepass.',
    );
  }
  const access = new AttemptAccess(options);
  await access.begin();
  return access;
};

/** Tries with a user that cannot log in. Null: users can be made. @throws the connection's error */
const aclRefusal = async (redis: Redis, installation: string): Promise<Error | null> => {
  const probe = { runId: '00000000-0000-0000-0000-000000000000' as RunId, attempt: 0 };
  const credentials = attemptCredentials(Buffer.alloc(32), installation, probe);
  try {
    await redis.call('ACL', ...setUserArguments(credentials, probe, 0), 'off', 'resetpass');
    await redis.call('ACL', 'DELUSER', credentials.username);
    return null;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return error;
    throw error;
  }
};

/** Whether anybody can log in as "default". False if Redis does not tell. */
const isOpen = async (redis: Redis): Promise<boolean> => {
  const found = await redis.call('ACL', 'GETUSER', 'default').catch(() => null);
  const flags: unknown = Array.isArray(found) ? found[found.indexOf('flags') + 1] : null;
  return Array.isArray(flags) && flags.includes('on') && flags.includes('nopass');
};

class AttemptAccess implements ExecutorAccess {
  readonly #options: ExecutorAccessOptions;
  readonly #redis: Redis;
  readonly #scripts: ExecutorScripts;
  readonly #former: FormerUser;
  /** Opened by this process and not closed yet, by user name: also executors in their guard period, which no record shows. */
  readonly #own = new Map<string, Attempt>();

  constructor(options: ExecutorAccessOptions) {
    const { redis } = options.connection;
    this.#options = options;
    this.#redis = redis;
    this.#scripts = new ExecutorScripts(redis);
    this.#former = new FormerUser(redis, options.masterKey);
  }

  async begin(): Promise<void> {
    await this.#former.look();
    await this.#restore();
    this.#options.connection.onReady(() => {
      this.#restore().catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'could not give executors their rights in Redis again; retrying');
      });
    });
  }

  async open(runId: RunId, attempt: number): Promise<string> {
    const credentials = this.#credentials({ runId, attempt });
    this.#own.set(credentials.username, { runId, attempt });
    await this.#setUser({ runId, attempt });
    return this.#options.address.urlFor(credentials);
  }

  async close(runId: RunId, attempt: number): Promise<void> {
    const { username } = this.#credentials({ runId, attempt });
    this.#own.delete(username);
    await this.#redis.call('ACL', 'DELUSER', username);
  }

  async opened(): Promise<readonly Attempt[]> {
    await this.#scripts.check();
    await this.#former.tidy();
    const users = (await this.#redis.call('ACL', 'USERS')) as readonly string[];
    return users.flatMap((name) => attemptOf(this.#options.installation, name) ?? []);
  }

  /** Executors that are back before this ends get NOAUTH or NOSCRIPT, and try again. */
  async #restore(): Promise<void> {
    await Promise.all([this.#scripts.load(), this.#former.restore()]);
    const executing = await this.#options.executing();
    await Promise.all([...this.#own.values(), ...executing].map((attempt) => this.#setUser(attempt)));
  }

  async #setUser(attempt: Attempt): Promise<void> {
    await this.#redis.call('ACL', ...setUserArguments(this.#credentials(attempt), attempt, this.#options.db));
  }

  #credentials(attempt: Attempt): Credentials {
    const { masterKey, installation } = this.#options;
    return attemptCredentials(masterKey, installation, attempt);
  }
}
