/** The files of the private redis-server in DATA_DIR, all with mode 0600. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { chmod, link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The user of the executors of version 0.1 (formerUser.ts). The service makes those of attempts again itself. */
const EXECUTOR_LINE = /^user runloom-executor .*$/m;

export interface PrivateFiles {
  readonly directory: string;
  /** Written under the lock, so it always has the socket of the server that holds the lock. */
  readonly config: string;
  readonly acl: string;
  readonly password: string;
  /** Locked by flock(2) while the server lives; the kernel frees it in any case. */
  readonly lock: string;
  readonly pid: string;
  readonly log: string;
}

export const privateFilesIn = (directory: string): PrivateFiles => ({
  directory,
  config: join(directory, 'redis.conf'),
  acl: join(directory, 'redis.acl'),
  password: join(directory, 'redis.password'),
  lock: join(directory, 'redis.lock'),
  pid: join(directory, 'redis.pid'),
  log: join(directory, 'redis.log'),
});

/** A text in double quotes, as redis.conf reads it. */
const quoted = (text: string): string => JSON.stringify(text);

/**
 * redis.conf (https://redis.io/docs/latest/operate/oss_and_stack/management/config-file/): every write is on
 * disk before it is acknowledged (appendfsync always), nothing is evicted, and a tail torn by a power cut is cut off.
 */
export const configText = (files: PrivateFiles, socketPath: string): string => `# Written by runloom at each start.
dir ${quoted(files.directory)}
port 0
unixsocket ${quoted(socketPath)}
unixsocketperm 770
aclfile ${quoted(files.acl)}
appendonly yes
appendfsync always
aof-load-truncated yes
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
save ""
maxmemory 0
maxmemory-policy noeviction
daemonize no
set-proc-title no
loglevel notice
logfile ""
`;

/** The users: the service's with all rights, and the executors' unchanged, so that a restart does not cut off their runs. */
export const aclText = (password: string, before: string): string => {
  const hash = createHash('sha256').update(password).digest('hex');
  const executor = EXECUTOR_LINE.exec(before)?.[0];
  return `user default on sanitize-payload #${hash} ~* &* +@all\n${executor === undefined ? '' : `${executor}\n`}`;
};

const PASSWORD_BYTES = 32;

/** The password of this DATA_DIR. The first call creates it; concurrent processes get the same one. */
export const readPassword = async (files: PrivateFiles): Promise<string> => {
  await mkdir(files.directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = await stat(files.directory);
  // One that an operator made can be open to others.
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) await chmod(files.directory, 0o700);
  const known = await readText(files.password);
  if (known !== null) return known;
  const draft = await draftOf(files.password, randomBytes(PASSWORD_BYTES).toString('hex'));
  try {
    await link(draft, files.password);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return await readFile(files.password, 'utf8');
};

/** Writes a file beside `path`, to be renamed or linked, so that `path` appears whole. Returns its path. */
export const draftOf = async (path: string, text: string): Promise<string> => {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
  return draft;
};

/** The text of a file; null if it does not exist. */
export const readText = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** The socket of the server, from its config; null if there is no config. */
export const socketPathIn = (config: string | null): string | null => {
  const quotedPath = /^unixsocket (".*")$/m.exec(config ?? '')?.[1];
  return quotedPath === undefined ? null : (JSON.parse(quotedPath) as string);
};

/** Only absence counts: other errors (no rights, a failing disk) do not prove that the file is gone. */
export const isThere = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
};
