/** The real service as a separate process, as an operator starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readText, socketPathIn } from '../../src/redis/private/privateFiles.ts';
import { isAlive } from '../../src/system/processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 60_000;

/** The start script of package.json: "exec node <flags> src/main.ts". */
export const startCommand = (): readonly [string, ...string[]] => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const [, , ...args] = scripts.start.split(' ');
  return [process.execPath, ...args];
};

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedService extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Standard output and standard error so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<Exit>;
  /** Resolves with the address, without a path, when it serves. @throws Error with its output if it exits */
  address(): Promise<string>;
}

export interface ServiceOptions {
  /** Beside PATH and PORT=0. The rest of the test's environment is not passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: what `npm start` runs. */
  readonly command?: readonly [string, ...string[]];
  readonly cwd?: string;
}

/** Starts it without waiting. Disposing kills the process, but not what it leaves running on purpose. */
export const spawnService = (options: ServiceOptions = {}): StartedService => {
  const [program, ...args] = options.command ?? startCommand();
  const child = spawn(program, args, {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env.PATH, PORT: '0', LAUNCHER: 'process', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const changed = new EventTarget();
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    changed.dispatchEvent(new Event('change'));
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Exit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  const address = async (): Promise<string> => {
    const served = new Promise<string>((resolve, reject) => {
      const look = (): void => {
        const found = /^Endpoint: (http:\/\/\S+)\/graphql /m.exec(out)?.[1];
        if (found !== undefined) resolve(found);
      };
      changed.addEventListener('change', look);
      look();
      void ended.then(({ code }) => reject(new Error(`the service exited with ${code}: ${out}${err}`)));
      setTimeout(() => reject(new Error(`the service did not start in time: ${out}${err}`)), START_MS).unref();
    });
    return await served;
  };
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    address,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
};

export interface DataDirectory extends AsyncDisposable {
  readonly path: string;
}

/** A DATA_DIR. Disposing it also ends the private Redis on it. */
export const dataDirectory = async (): Promise<DataDirectory> => {
  const path = await mkdtemp(join(tmpdir(), 'rl-e2e-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      const pid = await privateRedisPid(path);
      if (pid !== null) process.kill(pid, 'SIGKILL');
      const socketPath = socketPathIn(await readText(join(path, 'redis.conf')));
      if (socketPath !== null) await rm(dirname(socketPath), { recursive: true, force: true });
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

/** Pid of the private redis-server on this DATA_DIR; null if none runs. */
export const privateRedisPid = async (path: string): Promise<number | null> => {
  const text = await readFile(join(path, 'redis.pid'), 'utf8').catch(() => '0');
  const pid = Number(text);
  if (!(pid > 0) || !isAlive(pid)) return null;
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.includes(join(path, 'redis.conf')) ? pid : null;
};

/** One GraphQL request. @throws Error if the answer has errors */
export const ask = async (address: string, query: string, variables: object = {}): Promise<Record<string, unknown>> => {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
  if (answer.errors !== undefined || answer.data === undefined) throw new Error(JSON.stringify(answer));
  return answer.data;
};
