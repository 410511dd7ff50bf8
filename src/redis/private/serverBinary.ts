/** Finds a redis-server on this machine, or installs one where that can be done unattended. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** 7.0: SET NX GET, the multi-part append-only file, and scripts checked against the caller's ACL as a whole. */
const OLDEST_MAJOR = 7;
const NAMES = ['redis-server', 'valkey-server'];
const VERSION_DEADLINE_MS = 10_000;
const INSTALL_DEADLINE_MS = 300_000;
/** How long to wait for another apt process, such as a fresh machine's unattended upgrades. */
const LOCK_SECONDS = 120;
const HOW = 'install redis-server 7.0 or newer (or Valkey), or set REDIS_URL to a Redis that runs already';

/** No redis-server can be used. The message is one line for the operator. */
export class NoRedisServer extends Error {
  override readonly name = 'NoRedisServer';
}

export type Environment = Readonly<Record<string, string>>;

interface Found {
  readonly name: string;
  readonly version: string;
  readonly fit: boolean;
}

/** "Redis server v=7.0.15 sha=…" and "Valkey server v=8.0.1 …" */
const look = async (name: string, env: Environment): Promise<Found | null> => {
  try {
    const { stdout } = await run(name, ['--version'], { env: { ...env }, timeout: VERSION_DEADLINE_MS });
    const version = / v=(\d+(?:\.\d+)*)/.exec(stdout)?.[1];
    return version === undefined ? null : { name, version, fit: Number.parseInt(version, 10) >= OLDEST_MAJOR };
  } catch {
    return null;
  }
};

const findFit = async (env: Environment): Promise<{ readonly fit: Found | null; readonly old: Found | null }> => {
  let old: Found | null = null;
  for (const name of NAMES) {
    const found = await look(name, env);
    if (found?.fit) return { fit: found, old: null };
    old ??= found;
  }
  return { fit: null, old };
};

const apt = async (env: Environment, ...args: string[]): Promise<void> => {
  const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['-qq', '-y', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...args], {
    env: quiet,
    timeout: INSTALL_DEADLINE_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
};

const installByApt = async (env: Environment): Promise<void> => {
  const install = ['install', '--no-install-recommends', 'redis-server'];
  try {
    await apt(env, ...install);
  } catch {
    // A fresh image has no package lists.
    await apt(env, 'update');
    await apt(env, ...install);
  }
};

/**
 * The command of a suitable server. On Debian and Ubuntu, as root, installs redis-server by apt; the package can start a
 * service on port 6379, which is not used. @throws NoRedisServer
 */
export const redisServerCommand = async (env: Environment, say: (line: string) => void): Promise<string> => {
  const found = await findFit(env);
  if (found.fit !== null) return found.fit.name;
  const unattended = process.getuid?.() === 0 && existsSync('/etc/debian_version') && (await hasApt(env));
  if (found.old !== null) throw new NoRedisServer(`${found.old.name} ${found.old.version} is too old: ${HOW}`);
  if (!unattended) throw new NoRedisServer(`There is no redis-server on this machine: ${HOW}`);
  say('There is no redis-server on this machine: installing it with apt');
  try {
    await installByApt(env);
  } catch (error) {
    throw new NoRedisServer(`apt could not install redis-server: ${HOW}`, { cause: error });
  }
  const installed = await findFit(env);
  if (installed.fit !== null) return installed.fit.name;
  throw new NoRedisServer(`apt has redis-server ${installed.old?.version ?? ''}, which is too old: ${HOW}`);
};

const hasApt = async (env: Environment): Promise<boolean> => {
  try {
    await run('apt-get', ['--version'], { env: { ...env }, timeout: VERSION_DEADLINE_MS });
    return true;
  } catch {
    return false;
  }
};
