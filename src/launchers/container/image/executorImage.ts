/** The executor image: found by a hash of all that goes into it, or built. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { engineMessage, orNull } from '../engine/engine.ts';
import { BASE_DOCKERFILE, type LocalBase, localBase, packBase } from './base.ts';
import { buildImage } from './build.ts';
import { bundleExecutor } from './bundle.ts';
import { pullImage } from './pull.ts';

export const EXECUTOR_REPOSITORY = 'localhost/runloom-executor';
const BASE_REPOSITORY = 'localhost/runloom-base';
export const DEFAULT_BASE_IMAGE = 'node:24-bookworm-slim';
const DOCKERFILE = new URL('../../../../executor/Dockerfile', import.meta.url);
/** Files of executor/enter/: one program for each architecture. */
const ENTER_PROGRAMS = ['enter.x86_64', 'enter.aarch64'];
/** A registry without any progress for this long counts as unreachable, milliseconds. */
const REGISTRY_IDLE_MS = 20_000;

export interface ExecutorImageOptions {
  readonly docker: Docker;
  /** What the image is built on where its registry can be reached. Default: DEFAULT_BASE_IMAGE. */
  readonly baseImage?: string;
  /** Bundled instead of executor/main.ts. */
  readonly entry?: string;
  /** True: try the registry even where an image on the local base exists. */
  readonly preferRegistry?: boolean;
}

/**
 * Name of the executor image, which exists afterwards. Two services can call it at the same time: both build the same.
 * @throws Error for the operator where a base can be neither pulled nor built; the signal's reason
 */
export const ensureExecutorImage = async (
  options: ExecutorImageOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string> => {
  const { docker, baseImage = DEFAULT_BASE_IMAGE, preferRegistry = false } = options;
  const build: Build = { docker, context: await executorContext(options.entry), say, signal };
  const fromRegistry = imageName(build.context, baseImage);
  if (await exists(docker, fromRegistry)) return fromRegistry;
  const local = await localBase().catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  if (!(local instanceof Error) && !preferRegistry) {
    const fromLocal = imageName(build.context, `local ${local.hash}`);
    if (await exists(docker, fromLocal)) return fromLocal;
  }
  try {
    return await buildOnRegistry(build, baseImage);
  } catch (error) {
    signal.throwIfAborted();
    if (local instanceof Error) throw new Error(`${engineMessage(error)} ${String(local)}`, { cause: error });
    say(engineMessage(error));
    return await buildOnLocal(build, local);
  }
};

interface ContextFile {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

interface Build {
  readonly docker: Docker;
  readonly context: readonly ContextFile[];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const exists = async (docker: Docker, name: string): Promise<boolean> =>
  (await orNull(docker.getImage(name).inspect())) !== null;

/** The image's name on this base: it differs where a file of the context or the base differs. */
const imageName = (context: readonly ContextFile[], base: string): string =>
  `${EXECUTOR_REPOSITORY}:${hash12(...context.map(({ content }) => content), Buffer.from(base))}`;

const buildOnRegistry = async (build: Build, baseImage: string): Promise<string> => {
  const { docker, context, say, signal } = build;
  if (!(await exists(docker, baseImage))) {
    say(`Pulling ${baseImage}, the base of the executor image.`);
    await pullImage(docker, baseImage, REGISTRY_IDLE_MS, signal);
  }
  say(`Building the executor image on ${baseImage}.`);
  const name = imageName(context, baseImage);
  await buildExecutor(build, name, baseImage);
  return name;
};

const buildOnLocal = async (build: Build, local: LocalBase): Promise<string> => {
  const { docker, context, say, signal } = build;
  const name = imageName(context, `local ${local.hash}`);
  if (await exists(docker, name)) return name;
  say("Building the executor image from this machine's own Node.js.");
  const base = `${BASE_REPOSITORY}:${local.hash}`;
  if (!(await exists(docker, base))) {
    await buildImage(docker, { name: base, buildArguments: {}, signal }, async (pack) => {
      pack.entry({ name: 'Dockerfile' }, BASE_DOCKERFILE);
      await packBase(pack, local);
    });
  }
  await buildExecutor(build, name, base);
  return name;
};

const buildExecutor = ({ docker, context, signal }: Build, name: string, base: string): Promise<void> =>
  buildImage(docker, { name, buildArguments: { BASE_IMAGE: base }, signal }, (pack) => {
    for (const { name: path, mode, content } of context) pack.entry({ name: path, mode }, content);
  });

const executorContext = async (entry?: string): Promise<readonly ContextFile[]> => {
  const enter = ENTER_PROGRAMS.map(async (name) => {
    const content = await readFile(new URL(`enter/${name}`, DOCKERFILE));
    return { name: `enter/${name}`, mode: 0o755, content };
  });
  return [
    { name: 'executor.mjs', mode: 0o644, content: await bundleExecutor(entry) },
    { name: 'Dockerfile', mode: 0o644, content: await readFile(DOCKERFILE) },
    ...(await Promise.all(enter)),
  ];
};

const hash12 = (...parts: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(createHash('sha256').update(part).digest());
  return hash.digest('hex').slice(0, 12);
};
