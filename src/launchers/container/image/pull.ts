/** Brings an image here from its registry. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { abortable } from '../../../async/abortable.ts';
import { LaunchError } from '../../launcher.ts';
import { engineMessage, statusOf } from '../engine/engine.ts';
import { withTag } from './reference.ts';
import { readSteps } from './steps.ts';

/**
 * Pulls, and gives up where the engine says nothing for `idleMs`.
 * @throws LaunchError IMAGE_UNAVAILABLE with one sentence that names no address; the engine's words are its cause
 */
export const pullImage = async (docker: Docker, image: string, idleMs: number, signal: AbortSignal): Promise<void> => {
  const idle = new AbortController();
  const either = AbortSignal.any([signal, idle.signal]);
  let last = Date.now();
  const watch = (async () => {
    while (!idle.signal.aborted) {
      await delay(1000, undefined, { signal: idle.signal }).catch(() => undefined);
      if (Date.now() - last > idleMs) idle.abort(new Error('the registry did not answer in time'));
    }
  })();
  try {
    const stream = await abortable(docker.pull(withTag(image), { abortSignal: either }), either);
    const heard = (): void => {
      last = Date.now();
    };
    await abortable(readSteps(stream, heard), either);
  } catch (error) {
    signal.throwIfAborted();
    throw new LaunchError('IMAGE_UNAVAILABLE', pullSentence(image, error), error);
  } finally {
    idle.abort();
    await watch;
  }
};

const pullSentence = (image: string, error: unknown): string => {
  const words = engineMessage(error).toLowerCase();
  if (/no matching manifest|no image found in manifest|architecture/.test(words)) {
    return `The image ${image} is not made for this machine's architecture.`;
  }
  if (/unauthorized|denied|authentication|forbidden/.test(words)) {
    return `The image ${image} is not here, and its registry refused to give it (no such image, or a login is needed).`;
  }
  if (statusOf(error) === 404 || /not found|unknown|no such image/.test(words)) {
    if (!/no such host|lookup/.test(words)) return `There is no image ${image}, neither here nor in its registry.`;
  }
  return `The image ${image} is not here, and its registry cannot be reached.`;
};
