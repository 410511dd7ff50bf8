/** The files of the viewer, built once for each version of the sources and kept on disk. */
import { spawn } from 'node:child_process';
import { access, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { viewerVersion } from './viewerVersion.ts';

export interface SiteFile {
  /** On disk. Beside it are `.br` and `.gz` with the compressed content. */
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  /** Its name has a hash of its content. */
  readonly immutable: boolean;
}
/** By their paths in the URL, such as `/` and `/assets/index-x.js`. */
export type SiteFiles = ReadonlyMap<string, SiteFile>;

export interface Site {
  /** Waits for a build that is under way. @throws Error where the viewer could not be built */
  files(): Promise<SiteFiles>;
}
export interface SiteOptions {
  /** For a line that tells the operator about the build. */
  readonly say: (line: string) => void;
  readonly env: Readonly<Record<string, string>>;
  /** Aborted at the stop: it ends a build. */
  readonly signal: AbortSignal;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Outside git, and gone with the libraries that went into the build. */
const CACHE = join(ROOT, 'node_modules/.cache/runloom-viewer');
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Finds or starts the build. Does not wait for it, and does not throw: `files` does. */
export const openSite = (options: SiteOptions): Site => {
  const files = prepare(options);
  files.catch(() => undefined);
  return { files: () => files };
};

const prepare = async ({ say, env, signal }: SiteOptions): Promise<SiteFiles> => {
  const version = await viewerVersion(ROOT);
  const directory = join(CACHE, version);
  if (!(await exists(directory))) {
    await mkdir(CACHE, { recursive: true });
    const began = performance.now();
    say('Viewer: building it, once for this version; the service starts meanwhile');
    try {
      await runBuild(directory, env, signal);
      say(`Viewer: built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    } catch (error) {
      if (!signal.aborted) say(`Viewer: not available. ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }
  return await filesIn(directory, version);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** In a process of its own, whose memory is gone afterwards. @throws Error with what the build printed */
const runBuild = async (directory: string, env: SiteOptions['env'], signal: AbortSignal): Promise<void> => {
  const program = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', program, directory], {
    cwd: ROOT,
    env: { ...env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`Its build failed. Run npm install, then start again. ${said.trim()}`);
};

const filesIn = async (directory: string, version: string): Promise<SiteFiles> => {
  const entries = await readdir(directory, { recursive: true });
  const files = new Map<string, SiteFile>();
  for (const name of entries) {
    const type = TYPES[name.split('.').at(-1) ?? ''];
    const path = join(directory, name);
    if (type === undefined || !(await stat(path)).isFile()) continue;
    const immutable = name.startsWith('assets/');
    files.set(name === 'index.html' ? '/' : `/${name}`, { path, type, etag: `"${version}"`, immutable });
  }
  return files;
};
