/** The measured servers: each is a process of its own and uses the bench's Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const START_MS = 60_000;

/**
 * The flags of `npm start`, so that memory is measured as an operator sees it.
 * @throws Error if the script in package.json is not "exec node <flags> src/main.ts"
 */
export const startFlags = (): readonly string[] => {
  const { scripts } = JSON.parse(readFileSync(path('../package.json'), 'utf8')) as { scripts: { start: string } };
  const flags = /^exec node ((?:--\S+ )*)src\/main\.ts$/.exec(scripts.start)?.[1];
  if (flags === undefined) throw new Error(`the start script in package.json has an unknown form: ${scripts.start}`);
  return flags.split(' ').filter((flag) => flag !== '');
};

export interface BenchServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

export interface ServerOptions {
  readonly redisUrl: string;
  /** Flags of node, such as --cpu-prof. */
  readonly nodeFlags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program and waits for the line with its port. @throws Error with what it printed instead */
const start = async (file: string, line: RegExp, { redisUrl, nodeFlags = [], env = {} }: ServerOptions) => {
  const child = spawn(process.execPath, [...nodeFlags, path(file)], {
    env: { PATH: process.env.PATH, REDIS_URL: redisUrl, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.on('data', (chunk: Buffer) => {
    // node prints these for each connection to its inspector.
    if (!/^Debugger (attached|ending)/.test(chunk.toString())) process.stderr.write(chunk);
  });
  // If the bench is interrupted, no process stays behind.
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let printed = '';
  const port = await new Promise<number>((resolve, reject) => {
    const failed = (): void => reject(new Error(`${file} did not start: ${printed}`));
    const timer = setTimeout(failed, START_MS);
    child.once('exit', failed);
    child.stdout.on('data', (chunk: Buffer) => {
      if (printed.length > 64_000) return;
      printed += chunk.toString();
      const found = line.exec(printed)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      child.off('exit', failed);
      resolve(Number(found));
    });
  });
  return { child, port };
};

const stop = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
};

const rival =
  (file: string) =>
  async (options: ServerOptions): Promise<BenchServer> => {
    const { child, port } = await start(file, /^port (\d+)$/m, options);
    return { pid: child.pid ?? 0, port, [Symbol.asyncDispose]: () => stop(child, 'SIGKILL') };
  };

export const startBare = rival('./rivals/bare.ts');
export const startPlainGraphql = rival('./rivals/plainGraphql.ts');

/** The service as an operator starts it, with the process launcher unless `env` sets another one. */
export const startRunloom = async (options: ServerOptions): Promise<BenchServer> => {
  const data = await mkdtemp(join(tmpdir(), 'rl-bench-'));
  const remove = (): void => rmSync(data, { recursive: true, force: true });
  process.once('exit', remove);
  const env = { DATA_DIR: data, PORT: '0', LAUNCHER: 'process', LOG_LEVEL: 'warn', ...options.env };
  const { child, port } = await start('../src/main.ts', /^GraphiQL: http:\/\/\S+:(\d+)\/graphql$/m, {
    ...options,
    nodeFlags: [...startFlags(), ...(options.nodeFlags ?? [])],
    env,
  });
  const dispose = async (): Promise<void> => {
    await stop(child, 'SIGTERM');
    process.off('exit', remove);
    remove();
  };
  return { pid: child.pid ?? 0, port, [Symbol.asyncDispose]: dispose };
};
