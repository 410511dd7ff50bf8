/** Builds an image through the engine's API. */
import type Docker from 'dockerode';
import { type Pack, pack as tarPack } from 'tar-stream';
import { abortable } from '../../../async/abortable.ts';
import { engineMessage } from '../engine/engine.ts';
import { readSteps } from './steps.ts';

/** Lines of the build's output that are kept, and how many of them an error shows, with how many characters of each. */
const KEPT_LINES = 20;
const SHOWN_LINES = 3;
const SHOWN_CHARACTERS = 300;

export interface BuildRequest {
  /** The new image's name and tag. */
  readonly name: string;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Builds the image from a context that `fill` writes, with its Dockerfile.
 * @throws Error with the last lines of the build's output; the signal's reason
 */
export const buildImage = async (
  docker: Docker,
  { name, buildArguments, signal }: BuildRequest,
  fill: (pack: Pack) => void | Promise<void>,
): Promise<void> => {
  const context = tarPack();
  const filled = (async () => {
    await fill(context);
    context.finalize();
  })();
  filled.catch((error: unknown) => context.destroy(error instanceof Error ? error : new Error(String(error))));
  const lines: string[] = [];
  const keep = (line: string): void => {
    if (line !== '') lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  const options = { t: name, buildargs: { ...buildArguments }, forcerm: true, abortSignal: signal };
  try {
    const stream = await abortable(docker.buildImage(context, options), signal);
    await abortable(readSteps(stream, keep), signal);
    await filled;
  } catch (error) {
    signal.throwIfAborted();
    const shown = [...lines.slice(-SHOWN_LINES), engineMessage(error)].map(endOf);
    throw new Error(`Could not build the image ${name}: ${shown.join(' | ')}.`, { cause: error });
  }
};

const endOf = (line: string): string => (line.length > SHOWN_CHARACTERS ? `…${line.slice(-SHOWN_CHARACTERS)}` : line);
