/**
 * The private redis-server (docs/reference/redis.md): one per DATA_DIR, on a unix socket, in a session of
 * its own. It and the runs outlive a kill -9 of the service, whose successor adopts it, as does a second
 * service on the same DATA_DIR. That there is one only is the kernel's doing: the server itself holds a
 * flock(2) on DATA_DIR/redis.lock, taken by the shell that becomes it (an open file description's lock is
 * kept over execve(2) and freed with the last process that holds it).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { open, realpath, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { commandLineOf, isAlive } from '../../system/processes.ts';
import { makeShortDirectory, shortDirectoryFor } from '../../system/shortDirectory.ts';
import { formatRedisUrl } from '../../wire/redisUrl.ts';
import {
  aclText,
  configText,
  draftOf,
  type PrivateFiles,
  privateFilesIn,
  readPassword,
  readText,
  socketPathIn,
} from './privateFiles.ts';
import { type Environment, NoRedisServer, redisServerCommand } from './serverBinary.ts';

export interface PrivateRedisOptions {
  readonly dataDirectory: string;
  /** XDG_RUNTIME_DIR or null (/tmp). */
  readonly runtimeDirectory: string | null;
  /** PATH at least; the server gets nothing else of the service's environment. */
  readonly environment: Environment;
  /** This service's name in CLIENT LIST (connectRedis), to tell its connections from other services'. */
  readonly instance: string;
  readonly logger: Logger;
  /** Lines for a person at the start. */
  readonly say: (line: string) => void;
}

/** Why the server was left running; null where it was stopped. */
export type KeptFor = 'runs' | 'another service' | 'it did not answer' | null;

export interface PrivateRedis {
  readonly url: string;
  readonly socketPath: string;
  /** Holds the socket and nothing else; what containers get mounted. It stays when the server restarts. */
  readonly directory: string;
  /** True where a server that ran already was taken over. */
  readonly adopted: boolean;
  /** Of the server that runs now. */
  readonly pid: number;
  /**
   * Ends the watch and stops the server, unless runs are alive (as the caller knows, or an executor is
   * connected) or another service is connected. One whose files were removed is stopped for all runs: nobody could
   * find it again. The caller has closed its own connections, or will.
   */
  stop(use: { readonly runsAlive: boolean }): Promise<KeptFor>;
  /** Ends the watch alone; the server goes on. */
  leave(): void;
}

const SOCKET_NAME = 'redis.sock';
const EXIT_LOCKED = 75;
const EXIT_NO_FLOCK = 76;
const PROBE_MS = 2000;
const POLL_MS = 50;
const WATCH_MS = 250;
/** A server that holds the lock and says nothing for this long is killed: all it acknowledged is on disk. */
const SILENT_MS = 30_000;
const STOP_MS = 5000;
const BACKOFF_MAX_MS = 10_000;
/** An executor whose run has just ended may still be on its way out; one that stays longer has a run that is alive. */
const EXECUTOR_LEAVES_MS = 1000;
/** A server that lived this long is restarted without delay. */
const HEALTHY_MS = 30_000;
const LOG_BYTES_MAX = 8 * 1024 * 1024;

/** $1 lock, $2 and $3 the drafts of config and ACL, $4 and $5 where they go, $6 pid file, $7 the server. */
const START = `umask 077
command -v flock >/dev/null || exit ${EXIT_NO_FLOCK}
exec 9>>"$1" || exit 74
flock -n 9 || exit ${EXIT_LOCKED}
mv -f "$2" "$4" && mv -f "$3" "$5" && echo $$ >"$6" || exit 74
exec "$7" "$4"`;

/** Starts or adopts it, and resolves when it answers. @throws NoRedisServer, or the signal's reason */
export const startPrivateRedis = async (options: PrivateRedisOptions, signal: AbortSignal): Promise<PrivateRedis> => {
  let server: Server;
  try {
    const password = await readPassword(privateFilesIn(options.dataDirectory));
    server = new Server(options, await realpath(options.dataDirectory), password);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoRedisServer(`DATA_DIR ${options.dataDirectory} cannot be used: ${reason}`, { cause: error });
  }
  await server.start(signal);
  return server;
};

interface Answer {
  readonly pid: number;
  readonly loading: boolean;
}

class Server implements PrivateRedis {
  readonly #options: PrivateRedisOptions;
  readonly #files: PrivateFiles;
  readonly #password: string;
  readonly #logger: Logger;
  readonly #ended = new AbortController();
  #socketPath = '';
  #pid = 0;
  #adopted = false;
  #since = 0;

  constructor(options: PrivateRedisOptions, dataDirectory: string, password: string) {
    this.#options = options;
    this.#files = privateFilesIn(dataDirectory);
    this.#password = password;
    this.#logger = options.logger.child({ part: 'private-redis' });
  }

  get url(): string {
    return urlOf(this.#socketPath, this.#password);
  }
  get socketPath(): string {
    return this.#socketPath;
  }
  get directory(): string {
    return dirname(this.#socketPath);
  }
  get adopted(): boolean {
    return this.#adopted;
  }
  get pid(): number {
    return this.#pid;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#ensure(signal);
    void this.#watch();
  }

  leave(): void {
    this.#ended.abort();
  }

  async stop(use: { readonly runsAlive: boolean }): Promise<KeptFor> {
    this.leave();
    // Without its files no successor finds it again, and with its files gone it keeps nothing for the runs either.
    const findable = (await readText(this.#files.config)) !== null;
    if (use.runsAlive && findable) return 'runs';
    if (!isThere(this.#socketPath)) return await this.#terminate();
    const redis = connectOnce(this.#socketPath, this.#password);
    try {
      await redis.connect();
      const clients = await clientsThatStay(redis);
      if (findable && EXECUTOR.test(clients)) return 'runs';
      const names = clients.matchAll(/ name=runloom:([^: ]+):/g);
      if (names.some(([, instance]) => instance !== this.#options.instance)) return 'another service';
      // Nothing is lost by NOSAVE: the append-only file has every write that was answered.
      redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
      return await this.#untilGone();
    } catch (error) {
      this.#logger.warn({ err: error }, 'the private Redis could not be stopped');
      return 'it did not answer';
    } finally {
      redis.disconnect();
    }
  }

  async #untilGone(): Promise<KeptFor> {
    const deadline = Date.now() + STOP_MS;
    while (this.#isServer(this.#pid)) {
      if (Date.now() > deadline) return 'it did not answer';
      await delay(POLL_MS);
    }
    // Left where somebody else has begun to use it.
    await rmdir(this.directory).catch(() => undefined);
    return null;
  }

  /** It can't be asked, since its socket is gone. All that it acknowledged is on disk. */
  async #terminate(): Promise<KeptFor> {
    if (this.#isServer(this.#pid)) process.kill(this.#pid, 'SIGTERM');
    const kept = await this.#untilGone();
    if (kept === null || !this.#isServer(this.#pid)) return null;
    process.kill(this.#pid, 'SIGKILL');
    return await this.#untilGone();
  }

  /** Until a server answers: the one that runs, or one that is started here. */
  async #ensure(signal: AbortSignal): Promise<void> {
    let silentSince = Date.now();
    let child: ChildProcess | null = null;
    for (;;) {
      signal.throwIfAborted();
      const answer = await this.#probe();
      if (answer !== null) {
        silentSince = Date.now();
        if (!answer.loading) {
          this.#adopted = child?.pid !== answer.pid;
          this.#pid = answer.pid;
          this.#since = Date.now();
          return;
        }
      } else if (child === null || child.exitCode !== null || child.signalCode !== null) {
        if (child !== null && child.exitCode !== EXIT_LOCKED) throw await this.#failure(child);
        if (child !== null && Date.now() - silentSince > SILENT_MS) {
          await this.#killSilent();
          silentSince = Date.now();
        }
        child = await this.#spawn();
      }
      await delay(POLL_MS, undefined, { signal });
    }
  }

  /** Asks the server that the config tells of; null where none answers. */
  async #probe(): Promise<Answer | null> {
    const path = socketPathIn(await readText(this.#files.config));
    if (path === null) return null;
    const redis = connectOnce(path, this.#password);
    try {
      await redis.connect();
      const facts = await redis.info();
      this.#socketPath = path;
      const pid = Number(/^process_id:(\d+)/m.exec(facts)?.[1] ?? 0);
      return { pid, loading: /^loading:1/m.test(facts) };
    } catch {
      return null;
    } finally {
      redis.disconnect();
    }
  }

  async #spawn(): Promise<ChildProcess> {
    const files = this.#files;
    const { environment, runtimeDirectory, say } = this.#options;
    const command = await redisServerCommand(environment, say);
    const directory = await this.#socketDirectory(runtimeDirectory);
    await this.#turnLog();
    const config = await draftOf(files.config, configText(files, join(directory, SOCKET_NAME)));
    const acl = await draftOf(files.acl, aclText(this.#password, (await readText(files.acl)) ?? ''));
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
  }

  /** XDG_RUNTIME_DIR can be gone, or never have been made, where nobody is logged in. */
  async #socketDirectory(runtimeDirectory: string | null): Promise<string> {
    const purpose = `redis ${this.#files.directory}`;
    try {
      const directory = shortDirectoryFor(runtimeDirectory, purpose);
      await makeShortDirectory(directory);
      return directory;
    } catch (error) {
      if (runtimeDirectory === null) throw error;
      return await this.#socketDirectory(null);
    }
  }

  /** Bounds redis.log: at each start the full one becomes redis.log.1, and that of before goes. */
  async #turnLog(): Promise<void> {
    const size = await stat(this.#files.log).then(
      (found) => found.size,
      () => 0,
    );
    if (size > LOG_BYTES_MAX) await rename(this.#files.log, `${this.#files.log}.1`);
  }

  async #killSilent(): Promise<void> {
    const pid = Number(await readText(this.#files.pid));
    if (!(pid > 0) || !this.#isServer(pid) || commandLineOf(pid).length === 0) return;
    this.#logger.warn(
      { serverPid: pid },
      'the private Redis holds its lock and does not answer: it is killed and started again',
    );
    process.kill(pid, 'SIGKILL');
  }

  /** Pids are used again; the command line names the config, which is this server's alone. */
  #isServer(pid: number): boolean {
    if (!isAlive(pid)) return false;
    const words = commandLineOf(pid);
    return words.length === 0 || words.includes(this.#files.config);
  }

  async #failure(child: ChildProcess): Promise<NoRedisServer> {
    if (child.exitCode === EXIT_NO_FLOCK) {
      return new NoRedisServer(
        'There is no flock on this machine, which keeps the private Redis single: install util-linux',
      );
    }
    const printed = ((await readText(this.#files.log)) ?? '').trimEnd().split('\n').slice(-3).join(' | ');
    return new NoRedisServer(`redis-server ended at its start; ${this.#files.log} says: ${printed}`);
  }

  /** A server without its socket takes nobody any more: it is ended, to be started again with one. */
  async #lives(): Promise<boolean> {
    if (!this.#isServer(this.#pid)) return false;
    if (isThere(this.#socketPath) || !isThere(this.#files.config)) return true;
    this.#logger.warn({ serverPid: this.#pid }, 'the socket of the private Redis was removed: it is started again');
    return (await this.#terminate()) !== null;
  }

  /** Starts it again when it dies: at once where it had lived, with growing delays where it keeps dying. */
  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    let failures = 0;
    while (!signal.aborted) {
      await delay(WATCH_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || (await this.#lives())) continue;
      if (Date.now() - this.#since > HEALTHY_MS) failures = 0;
      const waitMs = failures === 0 ? 0 : Math.min(500 * 2 ** (failures - 1), BACKOFF_MAX_MS);
      failures += 1;
      this.#logger.warn({ serverPid: this.#pid, waitMs }, 'the private Redis is gone and is started again');
      try {
        await delay(waitMs, undefined, { signal, ref: false });
        await this.#ensure(signal);
        this.#logger.info({ serverPid: this.#pid }, 'the private Redis is back');
      } catch (error) {
        if (!signal.aborted) this.#logger.error({ err: error }, 'the private Redis does not start');
      }
    }
  }
}

/** Errors other than its absence (no rights, a disk that fails) say nothing. */
const isThere = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
};

/** An executor among the lines of CLIENT LIST. */
const EXECUTOR = / user=runloom-executor( |$)/m;

/** CLIENT LIST, once no executor is in it or those that are have had their time to leave. */
const clientsThatStay = async (redis: Redis): Promise<string> => {
  const deadline = Date.now() + EXECUTOR_LEAVES_MS;
  for (;;) {
    const clients = String(await redis.client('LIST'));
    if (!EXECUTOR.test(clients) || Date.now() > deadline) return clients;
    await delay(POLL_MS);
  }
};

const urlOf = (socketPath: string, password: string): string =>
  formatRedisUrl({ socketPath, host: '', port: 0, tls: false, username: 'default', password, db: 0 });

/** A connection for one question: no retry, no queue, an end to its patience. */
const connectOnce = (path: string, password: string): Redis => {
  const redis = new Redis({
    path,
    username: 'default',
    password,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: PROBE_MS,
    commandTimeout: PROBE_MS,
    disconnectTimeout: 100,
  });
  redis.on('error', () => undefined);
  return redis;
};
