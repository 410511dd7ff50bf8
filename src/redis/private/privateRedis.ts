/**
 * The private redis-server (docs/reference/redis.md): one for each DATA_DIR, on a unix socket, in a session of its own. It
 * outlives a kill -9 of the service, as runs do; the next service, or a second one on the same DATA_DIR, adopts it. The
 * kernel keeps it single: the server holds a flock(2) on DATA_DIR/redis.lock. The shell that becomes the server takes the
 * lock, which belongs to the open file: execve(2) keeps it, and it is freed with the last process that has the file.
 */
import type { ChildProcess } from 'node:child_process';
import { realpath, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { pause } from '../../async/pause.ts';
import { commandLineOf, isAlive } from '../../system/processes.ts';
import { formatRedisUrl } from '../../wire/redisUrl.ts';
import { foundLocked, launchFailure, launchServer } from './launchServer.ts';
import { oneConnection, type ServerState, serverStateAt, settledClients } from './oneConnection.ts';
import { isThere, type PrivateFiles, privateFilesIn, readPassword, readText, socketPathIn } from './privateFiles.ts';
import { type Environment, NoRedisServer } from './serverBinary.ts';

export interface PrivateRedisOptions {
  readonly dataDirectory: string;
  /** XDG_RUNTIME_DIR, or null for /tmp. */
  readonly runtimeDirectory: string | null;
  /** The server's whole environment; PATH at least. */
  readonly environment: Environment;
  /** This service's name in CLIENT LIST (connectRedis). Other names are other services. */
  readonly instance: string;
  readonly logger: Logger;
  /** Prints a line for the operator. */
  readonly say: (line: string) => void;
}

/** Why the server was left running; null if it was stopped. */
export type KeptFor = 'runs' | 'another service' | 'it did not answer' | null;

export interface PrivateRedis {
  readonly url: string;
  readonly socketPath: string;
  /** Contains only the socket; containers get it mounted. It stays when the server restarts. */
  readonly directory: string;
  /** True if the server was already running. */
  readonly adopted: boolean;
  /** The process id of the server that runs now. */
  readonly pid: number;
  /**
   * Ends the watch and stops the server, unless runs are alive (the caller knows, or an executor is connected) or another
   * service is connected. A server whose files were removed is stopped in spite of runs: no service could find it again.
   * The caller closes its own connections.
   */
  stop(use: { readonly runsAlive: boolean }): Promise<KeptFor>;
  /** Ends the watch; the server goes on. */
  leave(): void;
}

const POLL_MS = 50;
const WATCH_MS = 250;
/** A server that holds the lock and answers nothing for this long is killed. Every acknowledged write is on disk. */
const SILENT_MS = 30_000;
const STOP_MS = 5000;
const BACKOFF_MAX_MS = 10_000;
/** After a life this long, a server is restarted without delay. */
const HEALTHY_MS = 30_000;

/** Starts or adopts the server; resolves when it answers. @throws NoRedisServer, or the signal's reason */
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
    // Without its files no later service finds it, and it keeps nothing for the runs either.
    const findable = (await readText(this.#files.config)) !== null;
    if (use.runsAlive && findable) return 'runs';
    if (!isThere(this.#socketPath)) return await this.#terminate();
    const redis = oneConnection(this.#socketPath, this.#password);
    try {
      await redis.connect();
      const { executors, instances } = await settledClients(redis);
      if (findable && executors) return 'runs';
      if (instances.some((instance) => instance !== this.#options.instance)) return 'another service';
      // NOSAVE loses nothing: the append-only file has every acknowledged write.
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
      await pause(POLL_MS);
    }
    // Fails if another server uses it already.
    await rmdir(this.directory).catch(() => undefined);
    return null;
  }

  /** Stops a server whose socket is gone, by signals. Every acknowledged write is on disk. */
  async #terminate(): Promise<KeptFor> {
    if (this.#isServer(this.#pid)) process.kill(this.#pid, 'SIGTERM');
    const kept = await this.#untilGone();
    if (kept === null || !this.#isServer(this.#pid)) return null;
    process.kill(this.#pid, 'SIGKILL');
    return await this.#untilGone();
  }

  /** Waits for a server that answers: the one that runs, or one that is started here. */
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
        if (child !== null && !foundLocked(child)) throw await launchFailure(child, this.#files);
        if (child !== null && Date.now() - silentSince > SILENT_MS) {
          await this.#killSilent();
          silentSince = Date.now();
        }
        child = await launchServer({ ...this.#options, files: this.#files, password: this.#password });
      }
      await pause(POLL_MS, signal);
    }
  }

  /** The state of the server that the config names; null if none answers. */
  async #probe(): Promise<ServerState | null> {
    const path = socketPathIn(await readText(this.#files.config));
    const state = path === null ? null : await serverStateAt(path, this.#password);
    if (path !== null && state !== null) this.#socketPath = path;
    return state;
  }

  async #killSilent(): Promise<void> {
    const pid = Number(await readText(this.#files.pid));
    if (!(pid > 0) || !this.#isServer(pid) || commandLineOf(pid).length === 0) return;
    this.#logger.warn({ serverPid: pid }, 'killed the private Redis, which did not answer; it is started again');
    process.kill(pid, 'SIGKILL');
  }

  /** Process ids are reused, so the command line must name this server's config. */
  #isServer(pid: number): boolean {
    if (!isAlive(pid)) return false;
    const words = commandLineOf(pid);
    return words.length === 0 || words.includes(this.#files.config);
  }

  /** Ends a server whose socket was removed, since nobody can connect; it is then started again. */
  async #lives(): Promise<boolean> {
    if (!this.#isServer(this.#pid)) return false;
    if (isThere(this.#socketPath) || !isThere(this.#files.config)) return true;
    this.#logger.warn({ serverPid: this.#pid }, 'the socket of the private Redis was removed; it is started again');
    return (await this.#terminate()) !== null;
  }

  /** Restarts the server when it dies: at once after a long life, otherwise with growing delays. */
  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    let failures = 0;
    while (!signal.aborted) {
      await pause(WATCH_MS, signal, false).catch(() => undefined);
      if (signal.aborted || (await this.#lives())) continue;
      if (Date.now() - this.#since > HEALTHY_MS) failures = 0;
      const waitMs = failures === 0 ? 0 : Math.min(500 * 2 ** (failures - 1), BACKOFF_MAX_MS);
      failures += 1;
      this.#logger.warn({ serverPid: this.#pid, waitMs }, 'the private Redis is gone and is started again');
      try {
        await pause(waitMs, signal, false);
        await this.#ensure(signal);
        this.#logger.info({ serverPid: this.#pid }, 'the private Redis is back');
      } catch (error) {
        if (!signal.aborted) this.#logger.error({ err: error }, 'the private Redis does not start');
      }
    }
  }
}

const urlOf = (socketPath: string, password: string): string =>
  formatRedisUrl({ socketPath, host: '', port: 0, tls: false, username: 'default', password, db: 0 });
