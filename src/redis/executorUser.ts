/**
 * The one Redis user of all executors. Users for each run would be lost at a restart of Redis, and would not exist on the
 * other nodes of a cluster.
 *
 * Facts (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/, tried with 7.0.15):
 * from Redis 7.0 on the commands, keys and channels of a script are checked against the rights of who calls
 * it, so the user needs what the scripts call; setting a user again leaves its connections alone as long as
 * its channels stay; a restarted Redis forgets what no aclfile holds.
 */
import { createHash, hkdfSync } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisConnection } from './connection.ts';

export const EXECUTOR_USER = 'runloom-executor';

/** What wire/scripts/writeScripts.ts calls, what the executor calls, and what ioredis says when it connects. */
const COMMANDS = [
  ...['eval', 'evalsha', 'publish', 'subscribe', 'unsubscribe', 'exists', 'pexpire', 'time'],
  ...['xadd', 'xdel', 'xrange', 'xrevrange', 'hset', 'hget', 'hmget', 'hgetall', 'hincrby'],
  ...['hello', 'auth', 'select', 'ping', 'quit', 'client|setname'],
];
const KEYS = ['~run:*'];
const CHANNELS = ['&run_logs:*', '&run_control:*', '&run_updates'];

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The same for all processes that share the master key. */
export const executorCredentials = (masterKey: Buffer): Credentials => ({
  username: EXECUTOR_USER,
  password: Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'runloom executor user', 32)).toString(
    'base64url',
  ),
});

/** Creates or corrects the user. `persist` saves it in the private Redis' aclfile. @throws ReplyError if ACL is refused */
const setUser = async (redis: Redis, { username, password }: Credentials, persist: boolean): Promise<void> => {
  const hash = createHash('sha256').update(password).digest('hex');
  const rights = [...KEYS, 'resetchannels', ...CHANNELS, ...COMMANDS.map((name) => `+${name}`)];
  await redis.call('ACL', 'SETUSER', username, 'reset', 'on', `#${hash}`, ...rights);
  if (persist) await redis.call('ACL', 'SAVE');
};

/**
 * Creates the user now, and again whenever Redis comes back. Returns its credentials, or null if this Redis refuses ACL
 * (managed services): executors then use the service's own credentials, and a warning is logged.
 * @throws the connection's error
 */
export const keepExecutorUser = async (
  connection: RedisConnection,
  masterKey: Buffer,
  persist: boolean,
  logger: Logger,
): Promise<Credentials | null> => {
  const credentials = executorCredentials(masterKey);
  try {
    await setUser(connection.redis, credentials, persist);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    logger.warn({ err: error }, "ACL SETUSER was refused: executors will use the service's own Redis credentials");
    return null;
  }
  connection.onReady(() => {
    setUser(connection.redis, credentials, persist).catch((error: unknown) => {
      logger.warn({ err: error }, 'could not create the Redis user of executors again');
    });
  });
  return credentials;
};
