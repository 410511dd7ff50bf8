/** Pulls an image from its registry. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { abortable } from '../../../async/abortable.ts';
import { LaunchError } from '../../launcher.ts';
import { engineMessage, statusOf } from '../engine/engine.ts';
import { withTag } from './reference.ts';
import { readSteps } from './steps.ts';

/** A pull without any progress for this long has failed, milliseconds. */
export const PULL_IDLE_MS = 120_000;

/**
 * Pulls the image. Gives up where the engine reports no progress for `idleMs`.
 * @throws LaunchError IMAGE_UNAVAILABLE with one sentence without addresses; the engine's error is its cause
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
    return `The image ${image} is not on this machine, and its registry refused it: the image does not exist or needs a login.`;
  }
  if (statusOf(error) === 404 || /not found|unknown|no such image/.test(words)) {
    if (!/no such host|lookup/.test(words)) return `The image ${image} is neither on this machine nor in its registry.`;
  }
  return `The image ${image} is not on this machine, and its registry cannot be reached.`;
};
