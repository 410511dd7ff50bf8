/** The real parts under test: services as processes, a Redis (private or an operator's), and the plain design for comparison. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { readText, socketPathIn } from '../../../src/redis/private/privateFiles.ts';
import { findByEnvironment } from '../../../src/system/processIdentity.ts';
import { formatRedisUrl } from '../../../src/wire/redisUrl.ts';
import { freePort } from '../../support/network/ports.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  type DataDirectory,
  dataDirectory,
  type Exit,
  privateRedisPid,
  type StartedService,
  spawnService,
} from '../../support/startedService.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';

export interface StackOptions {
  /** Processes of the service; default 1. */
  readonly services?: number;
  /** How many of them are started at the beginning; a case starts the others. Default: all. */
  readonly startAtFirst?: number;
  /** private: the Redis of the service; otherwise an operator's Redis with this appendfsync. Default: private. */
  readonly redis?: 'private' | 'always' | 'everysec' | 'no';
  /** Services and executors each reach the operator's Redis through a proxy. */
  readonly proxied?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of the operator's redis-server. */
  readonly redisConfig?: readonly string[];
  /**
   * Called with the directory of Redis' files before Redis starts there for the first time. The function that it returns
   * is called when Redis has ended, before the files are removed.
   */
  readonly prepareFiles?: (directory: string) => Promise<() => Promise<void>>;
  /** A directory with another program of the name redis-server, put first on the PATH. */
  readonly path?: string;
}

interface Slot {
  readonly port: number;
  readonly plainPort: number;
  service: StartedService | null;
  plain: ChildProcess | null;
  killing: boolean;
}

const PLAIN = fileURLToPath(new URL('../plain/plainDesign.ts', import.meta.url));

/** The open stacks, which are closed before the process exits. */
const openStacks = new Set<Stack>();
export const closeStacks = async (): Promise<void> => {
  await Promise.allSettled([...openStacks].map((stack) => stack[Symbol.asyncDispose]()));
};

export class Stack implements AsyncDisposable {
  readonly options: StackOptions;
  readonly runs: string[] = [];
  /** Services that exited by themselves, which no fault explains, and their output. */
  readonly deaths: string[] = [];
  /** The proxies of executors and services, if proxied. */
  serviceProxy: NetworkProxy | null = null;
  executorProxy: NetworkProxy | null = null;
  readonly #slots: Slot[] = [];
  #data: DataDirectory | null = null;
  #server: TestRedis | null = null;
  #serverDirectory = '';
  #admin: Redis | null = null;
  #closed = false;
  #releaseFiles: (() => Promise<void>) | undefined;

  private constructor(options: StackOptions) {
    this.options = options;
  }

  static async open(options: StackOptions = {}): Promise<Stack> {
    const stack = new Stack(options);
    openStacks.add(stack);
    try {
      await stack.#open();
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
    return stack;
  }

  async #open(): Promise<void> {
    const { services = 1, redis = 'private', proxied = false } = this.options;
    this.#data = await dataDirectory();
    if (redis !== 'private') {
      this.#serverDirectory = await mkdtemp(join(tmpdir(), 'rl-op-'));
      this.#releaseFiles = await this.options.prepareFiles?.(this.#serverDirectory);
      await this.startRedis();
      if (proxied) {
        this.serviceProxy = await startProxy(this.#socketPath);
        this.executorProxy = await startProxy(this.#socketPath);
      }
    }
    if (redis === 'private') this.#releaseFiles = await this.options.prepareFiles?.(this.#data.path);
    for (let i = 0; i < services; i += 1) {
      this.#slots.push({
        port: await freePort(),
        plainPort: await freePort(),
        service: null,
        plain: null,
        killing: false,
      });
    }
    // One after the other: the first one starts the private Redis, the others find it.
    for (let i = 0; i < (this.options.startAtFirst ?? services); i += 1) await this.start(i);
  }

  /** Addresses of the running services. */
  readonly urls = (): readonly string[] =>
    this.#slots.filter((slot) => slot.service !== null).map((slot) => `http://127.0.0.1:${slot.port}`);

  readonly urlOf = (index: number): string => `http://127.0.0.1:${this.#slots[index]?.port}`;

  /** Addresses of the servers of the plain design. */
  readonly plainUrls = (): readonly string[] =>
    this.#slots.filter((slot) => slot.plain !== null).map((slot) => `ws://127.0.0.1:${slot.plainPort}`);

  pidOf(index: number): number {
    return this.#slots[index]?.service?.child.pid ?? 0;
  }

  plainPidOf(index: number): number {
    return this.#slots[index]?.plain?.pid ?? 0;
  }

  /** What the service printed, for reports of failures. */
  printed(index: number): string {
    const service = this.#slots[index]?.service;
    return service ? service.out() + service.err() : '';
  }

  /** Starts the service and the server of the plain design on their ports, also again, and waits until both serve. */
  async start(index: number): Promise<void> {
    const slot = this.#slots[index];
    if (slot === undefined) throw new Error(`no service ${index}`);
    const service = spawnService({
      env: {
        PORT: String(slot.port),
        DATA_DIR: this.#data?.path ?? '',
        LOG_LEVEL: process.env.CHAOS_LOG ?? 'warn',
        ...(this.options.path === undefined ? {} : { PATH: `${this.options.path}:${process.env.PATH}` }),
        ...(this.options.redis === undefined || this.options.redis === 'private'
          ? {}
          : {
              REDIS_URL: this.serviceProxy?.url ?? `unix://${this.#socketPath}`,
              EXECUTOR_REDIS_URL: this.executorProxy?.url ?? `unix://${this.#socketPath}`,
            }),
        ...this.options.env,
      },
    });
    slot.service = service;
    void service.ended.then(({ code, signal }) => {
      if (slot.killing || this.#closed) return;
      this.deaths.push(
        `service ${index} ended by itself (${code ?? signal}): ${(service.out() + service.err()).slice(-1500)}`,
      );
    });
    await service.address();
    slot.plain = spawn(process.execPath, ['--no-warnings', PLAIN, String(slot.plainPort), await this.redisUrl()], {
      // It ends when its standard input is closed.
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await untilListens(slot.plainPort);
  }

  /** Kills both and waits until they have ended. */
  async kill(index: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    const slot = this.#slots[index];
    const { service = null, plain = null } = slot ?? {};
    if (slot === undefined || service === null) throw new Error(`service ${index} is not started`);
    slot.killing = true;
    service.child.kill(signal);
    plain?.kill(signal);
    slot.plain = null;
    const exit = await service.ended;
    slot.service = null;
    slot.killing = false;
    return exit;
  }

  /** The address that services use: the proxy, if there is one. */
  async redisUrl(): Promise<string> {
    if (this.serviceProxy !== null) return this.serviceProxy.url;
    if (this.#serverDirectory !== '') return `unix://${this.#socketPath}`;
    const path = this.#data?.path ?? '';
    const socketPath = socketPathIn(await readText(join(path, 'redis.conf'))) ?? '';
    const password = await readText(join(path, 'redis.password'));
    return formatRedisUrl({ socketPath, host: '', port: 0, tls: false, username: 'default', password, db: 0 });
  }

  /** A connection of the test, without a proxy. */
  async admin(): Promise<Redis> {
    if (this.#admin !== null) return this.#admin;
    const path =
      this.#serverDirectory === ''
        ? (socketPathIn(await readText(join(this.#data?.path ?? '', 'redis.conf'))) ?? '')
        : this.#socketPath;
    const password =
      this.#serverDirectory === '' ? await readText(join(this.#data?.path ?? '', 'redis.password')) : null;
    const redis = new Redis({
      path,
      ...(password === null ? {} : { password }),
      connectionName: 'chaos',
      maxRetriesPerRequest: null,
      retryStrategy: () => 50,
    });
    redis.on('error', () => undefined);
    this.#admin = redis;
    return redis;
  }

  async redisPid(): Promise<number> {
    if (this.#serverDirectory !== '') return this.#server?.pid ?? 0;
    return (await privateRedisPid(this.#data?.path ?? '')) ?? 0;
  }

  /** Path of the append-only file. */
  get redisDirectory(): string {
    return this.#serverDirectory === '' ? (this.#data?.path ?? '') : this.#serverDirectory;
  }
  get dataPath(): string {
    return this.#data?.path ?? '';
  }

  /** kill -9 of Redis. `startRedis` starts an operator's Redis again; the service starts the private one again. */
  async killRedis(): Promise<void> {
    const pid = await this.redisPid();
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch {
      // It has already ended.
    }
    if (this.#serverDirectory !== '') await this.#server?.stop();
  }

  /** Starts an operator's Redis on the same files, at the same address. */
  async startRedis(): Promise<void> {
    const { redis, redisConfig = [], path } = this.options;
    const before = process.env.PATH;
    if (path !== undefined) process.env.PATH = `${path}:${before}`;
    try {
      const config = ['--appendonly', 'yes', '--appendfsync', redis ?? 'always', ...redisConfig];
      this.#server = await startRedis({ directory: this.#serverDirectory, config });
    } finally {
      process.env.PATH = before;
    }
  }

  /** Processes of the run's attempt: its executor, and the command with its children. */
  async processesOf(runId: string): Promise<{ readonly executors: number[]; readonly commands: number[] }> {
    const all = await findByEnvironment({ RUN_ID: runId });
    const executors: number[] = [];
    const commands: number[] = [];
    for (const pid of all) {
      const line = (await readText(`/proc/${pid}/cmdline`).catch(() => null)) ?? '';
      // In a container, the first process is the parent of the executor and ends with it.
      if (/--workspace=|\/opt\/runloom\/(bin\/tini|executor)/.test(line)) executors.push(pid);
      else commands.push(pid);
    }
    return { executors, commands };
  }

  /** Executors and commands of all runs of this stack. */
  async processesOfRuns(): Promise<readonly number[]> {
    const runs = new Set(this.runs);
    const found: number[] = [];
    for (const entry of await readdir('/proc')) {
      const environment = await readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '');
      const id = /(?:^|\0)RUN_ID=([^\0]*)/.exec(environment)?.[1];
      if (id !== undefined && runs.has(id)) found.push(Number(entry));
    }
    return found;
  }

  /** Sends a signal to those that still exist. */
  signal(pids: readonly number[], name: NodeJS.Signals): void {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It has already ended.
      }
    }
  }

  /** Waits until the run has no process. Returns how many are left after that time. */
  async untilNoProcess(runId: string, withinMs: number): Promise<number> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { executors, commands } = await this.processesOf(runId);
      const left = executors.length + commands.length;
      if (left === 0 || performance.now() > deadline) return left;
      await delay(50);
    }
  }

  /** Waits for a redis-server with another pid, which was started again. */
  async untilRedisOtherThan(before: number): Promise<void> {
    for (let i = 0; i < 600; i += 1) {
      const now = await this.redisPid();
      if (now !== 0 && now !== before) return;
      await delay(25);
    }
    throw new Error('Redis was not started again');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    openStacks.delete(this);
    this.#closed = true;
    for (const death of this.deaths) process.stderr.write(`${death}\n`);
    for (const slot of this.#slots) {
      if (slot.service?.child.pid !== undefined) {
        // A frozen process does not end on SIGTERM.
        await slot.service[Symbol.asyncDispose]();
      }
      slot.plain?.kill('SIGKILL');
    }
    this.signal(await this.processesOfRuns(), 'SIGKILL');
    this.#admin?.disconnect();
    await this.serviceProxy?.[Symbol.asyncDispose]();
    await this.executorProxy?.[Symbol.asyncDispose]();
    await this.#server?.stop();
    if (this.#releaseFiles !== undefined) {
      await this.killRedis();
      await this.#releaseFiles();
    }
    if (this.#serverDirectory !== '') await rm(this.#serverDirectory, { recursive: true, force: true, maxRetries: 5 });
    await this.#data?.[Symbol.asyncDispose]();
  }

  get #socketPath(): string {
    return join(this.#serverDirectory, 'redis.sock');
  }
}

const untilListens = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 500; tries += 1) {
    const there = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (there) return;
    await delay(20);
  }
  throw new Error(`nothing listens on ${port}`);
};
