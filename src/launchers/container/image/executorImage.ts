/** The executor image: found by the hash of all that goes into it, or built. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { type Pack, pack as tarPack } from 'tar-stream';
import { abortable } from '../../../async/abortable.ts';
import { engineMessage, orNull } from '../engine/engine.ts';
import { BASE_DOCKERFILE, type LocalBase, localBase, packBase } from './base.ts';
import { bundleExecutor } from './bundle.ts';
import { pullImage } from './pull.ts';
import { readSteps } from './steps.ts';

export const EXECUTOR_REPOSITORY = 'localhost/runloom-executor';
const BASE_REPOSITORY = 'localhost/runloom-base';
export const DEFAULT_BASE_IMAGE = 'node:24-bookworm-slim';
const DOCKERFILE = new URL('../../../../executor/Dockerfile', import.meta.url);
/** executor/enter/: one program for each architecture. */
const ENTER_PROGRAMS = ['enter.x86_64', 'enter.aarch64'];
/** A registry that says nothing for so long is taken for not reachable. */
const REGISTRY_IDLE_MS = 20_000;

export interface ExecutorImageOptions {
  readonly docker: Docker;
  /** What the image is built on, where its registry can be reached. Default: node:24-bookworm-slim. */
  readonly baseImage?: string;
  /** Bundled in place of executor/main.ts. */
  readonly entry?: string;
  /** True: try the registry even where an image on the local base is there. */
  readonly preferRegistry?: boolean;
}

/**
 * Name of the executor image, which is there afterwards. Two services that build at once build the same.
 * @throws Error for the operator where neither a base can be pulled nor one be built here
 */
export const ensureExecutorImage = async (
  options: ExecutorImageOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string> => {
  const { docker, baseImage = DEFAULT_BASE_IMAGE } = options;
  const context = await executorContext(options.entry);
  const parts = context.map(({ content }) => content);
  const nameOn = (base: string): string => `${EXECUTOR_REPOSITORY}:${hash12(...parts, Buffer.from(base))}`;
  const there = async (name: string): Promise<boolean> => (await orNull(docker.getImage(name).inspect())) !== null;

  const fromRegistry = nameOn(baseImage);
  if (await there(fromRegistry)) return fromRegistry;
  const local = await localBase().catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  const fromLocal = local instanceof Error ? null : nameOn(`local ${local.hash}`);
  if (fromLocal !== null && options.preferRegistry !== true && (await there(fromLocal))) return fromLocal;

  try {
    if (!(await there(baseImage))) {
      say(`Pulling ${baseImage}, the base of the executor image.`);
      await pullImage(docker, baseImage, REGISTRY_IDLE_MS, signal);
    }
    say(`Building the executor image on ${baseImage}.`);
    await buildExecutor(docker, context, fromRegistry, baseImage, signal);
    return fromRegistry;
  } catch (error) {
    signal.throwIfAborted();
    if (local instanceof Error || fromLocal === null)
      throw new Error(`${engineMessage(error)} ${String(local)}`, { cause: error });
    say(engineMessage(error));
    if (await there(fromLocal)) return fromLocal;
    say("Building the executor image from this machine's own Node.js.");
    const base = `${BASE_REPOSITORY}:${local.hash}`;
    if (!(await there(base))) await buildBase(docker, local, base, signal);
    await buildExecutor(docker, context, fromLocal, base, signal);
    return fromLocal;
  }
};

const hash12 = (...parts: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(createHash('sha256').update(part).digest());
  return hash.digest('hex').slice(0, 12);
};

interface ContextFile {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

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

const buildExecutor = (
  docker: Docker,
  context: readonly ContextFile[],
  name: string,
  base: string,
  signal: AbortSignal,
): Promise<void> =>
  buildImage(docker, name, { BASE_IMAGE: base }, signal, (pack) => {
    for (const { name: path, mode, content } of context) pack.entry({ name: path, mode }, content);
  });

const buildBase = (docker: Docker, base: LocalBase, name: string, signal: AbortSignal): Promise<void> =>
  buildImage(docker, name, {}, signal, async (pack) => {
    pack.entry({ name: 'Dockerfile' }, BASE_DOCKERFILE);
    await packBase(pack, base);
  });

const buildImage = async (
  docker: Docker,
  name: string,
  buildargs: Readonly<Record<string, string>>,
  signal: AbortSignal,
  fill: (pack: Pack) => void | Promise<void>,
): Promise<void> => {
  const context = tarPack();
  const filled = (async () => {
    await fill(context);
    context.finalize();
  })();
  filled.catch((error: unknown) => context.destroy(error instanceof Error ? error : new Error(String(error))));
  // The last lines tell why a step failed; the bound is for builds that print much.
  const lines: string[] = [];
  try {
    const request = docker.buildImage(context, {
      t: name,
      buildargs: { ...buildargs },
      forcerm: true,
      abortSignal: signal,
    });
    const stream = await abortable(request, signal);
    const keep = (line: string): void => {
      if (line !== '') lines.push(line);
      if (lines.length > 20) lines.shift();
    };
    await abortable(readSteps(stream, keep), signal);
    await filled;
  } catch (error) {
    signal.throwIfAborted();
    const words = [...lines.slice(-3), engineMessage(error)].map((line) =>
      line.length > 300 ? `…${line.slice(-300)}` : line,
    );
    throw new Error(`The image ${name} could not be built: ${words.join(' | ')}.`, { cause: error });
  }
};
