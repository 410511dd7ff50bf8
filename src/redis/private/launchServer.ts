/** Starts a redis-server under the lock of its data directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeShortDirectory, shortDirectoryFor } from '../../system/shortDirectory.ts';
import { aclText, configText, draftOf, type PrivateFiles, readText } from './privateFiles.ts';
import { type Environment, NoRedisServer, redisServerCommand } from './serverBinary.ts';

const SOCKET_NAME = 'redis.sock';
/** The shell's exit codes: the lock is held (a server runs); this machine has no flock. */
const EXIT_LOCKED = 75;
const EXIT_NO_FLOCK = 76;
const LOG_BYTES_MAX = 8 * 1024 * 1024;

/** $1 lock, $2 and $3 the drafts of config and ACL, $4 and $5 their final paths, $6 pid file, $7 the server. */
const START = `umask 077
command -v flock >/dev/null || exit ${EXIT_NO_FLOCK}
exec 9>>"$1" || exit 74
flock -n 9 || exit ${EXIT_LOCKED}
mv -f "$2" "$4" && mv -f "$3" "$5" && echo $$ >"$6" || exit 74
exec "$7" "$4"`;

export interface LaunchOptions {
  readonly files: PrivateFiles;
  readonly password: string;
  /** XDG_RUNTIME_DIR, or null for /tmp. */
  readonly runtimeDirectory: string | null;
  /** The server's whole environment; PATH at least. */
  readonly environment: Environment;
  /** Prints a line for the operator. */
  readonly say: (line: string) => void;
}

/**
 * Spawns the shell that takes the lock and becomes the server. Resolves when the shell runs, which is before the server
 * answers. The process is detached and outlives this one. @throws NoRedisServer, or the error of a file
 */
export const launchServer = async (options: LaunchOptions): Promise<ChildProcess> => {
  const { files, password, runtimeDirectory, environment, say } = options;
  const command = await redisServerCommand(environment, say);
  const directory = await socketDirectory(files, runtimeDirectory);
  await rotateLog(files.log);
  const config = await draftOf(files.config, configText(files, join(directory, SOCKET_NAME)));
  const acl = await draftOf(files.acl, aclText(password, (await readText(files.acl)) ?? ''));
  const log = await open(files.log, 'a', 0o600);
  try {
    const args = [files.lock, config, acl, files.config, files.acl, files.pid, command];
    const child = spawn('sh', ['-c', START, 'sh', ...args], {
      cwd: '/',
      detached: true,
      env: { ...environment },
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.once('exit', () => {
      for (const draft of [config, acl]) unlink(draft).catch(() => undefined);
    });
    return child;
  } finally {
    await log.close();
  }
};

/** Whether it ended because another process holds the lock. */
export const foundLocked = (child: ChildProcess): boolean => child.exitCode === EXIT_LOCKED;

/** Why a launch failed, in one line for the operator. */
export const launchFailure = async (child: ChildProcess, files: PrivateFiles): Promise<NoRedisServer> => {
  if (child.exitCode === EXIT_NO_FLOCK) {
    return new NoRedisServer(
      'There is no flock on this machine. The private Redis needs it to stay single. Install util-linux.',
    );
  }
  const printed = ((await readText(files.log)) ?? '').trimEnd().split('\n').slice(-3).join(' | ');
  return new NoRedisServer(`redis-server ended at its start; ${files.log} says: ${printed}`);
};

/** XDG_RUNTIME_DIR can be missing if nobody is logged in. */
const socketDirectory = async (files: PrivateFiles, runtimeDirectory: string | null): Promise<string> => {
  try {
    const directory = shortDirectoryFor(runtimeDirectory, `redis ${files.directory}`);
    await makeShortDirectory(directory);
    return directory;
  } catch (error) {
    if (runtimeDirectory === null) throw error;
    return await socketDirectory(files, null);
  }
};

/** Bounds redis.log: at a start, a full one replaces redis.log.1. */
const rotateLog = async (path: string): Promise<void> => {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_BYTES_MAX) await rename(path, `${path}.1`);
};
