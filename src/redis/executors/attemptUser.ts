/**
 * The Redis user of one attempt. It has the keys of its own run, one of them to read only, and the run's channels. It can
 * call the scripts that the service has loaded, and no other. See docs/decisions/0029-each-attempt-has-a-redis-user-of-its-own.md.
 *
 * Facts (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/, tried with 7.0.15): from Redis 7.0 on
 * the commands, keys and channels of a script are checked against the rights of who calls it, so the user needs what the
 * scripts call. Setting a user again leaves its connections alone as long as its channels stay. HELLO, AUTH, RESET and QUIT
 * need no right.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { executorChannels, executorKeys, executorReadKeys } from '../../wire/keys.ts';

export interface Attempt {
  readonly runId: RunId;
  readonly attempt: number;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What APPEND, COMPACT, CLAIM and BEAT call, and what the executor calls beside them. */
const COMMANDS = [
  ...['evalsha', 'publish', 'subscribe', 'time', 'pexpire', 'hset', 'hget', 'hmget', 'hgetall', 'hincrby'],
  ...['xadd', 'xdel', 'xrange', 'xrevrange'],
];

const PREFIX = 'runloom-executor:';

/** `installation`: one Redis server can have several, in different databases. */
const userName = (installation: string, { runId, attempt }: Attempt): string =>
  `${PREFIX}${installation}:${runId}:${attempt}`;

/** The same in all processes that share the master key, so each of them can make the user again. */
export const attemptCredentials = (masterKey: Buffer, installation: string, attempt: Attempt): Credentials => {
  const purpose = `runloom executor ${attempt.runId} ${attempt.attempt}`;
  const password = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), purpose, 32)).toString('base64url');
  return { username: userName(installation, attempt), password };
};

/** The attempt of a user of this installation; null for any other user. */
export const attemptOf = (installation: string, username: string): Attempt | null => {
  const own = `${PREFIX}${installation}:`;
  if (!username.startsWith(own)) return null;
  const [id = '', number = ''] = username.slice(own.length).split(':');
  const runId = parseRunId(id);
  return runId !== null && /^\d{1,3}$/.test(number) ? { runId, attempt: Number(number) } : null;
};

/** Arguments of ACL SETUSER. `db`: SELECT is needed only where it is not 0. */
export const setUserArguments = ({ username, password }: Credentials, { runId }: Attempt, db: number): string[] => {
  const hash = createHash('sha256').update(password).digest('hex');
  const keys = [...executorKeys(runId).map((key) => `~${key}`), ...executorReadKeys(runId).map((key) => `%R~${key}`)];
  const channels = executorChannels(runId).map((channel) => `&${channel}`);
  const commands = [...COMMANDS, ...(db === 0 ? [] : ['select'])].map((name) => `+${name}`);
  return ['SETUSER', username, 'reset', 'on', `#${hash}`, ...keys, 'resetchannels', ...channels, ...commands];
};
