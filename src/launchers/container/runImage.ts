/** Finds the image of an attempt, pulls it where it is missing, and reads what its container needs to know. */
import type Docker from 'dockerode';
import { LaunchError, type LaunchProgress } from '../launcher.ts';
import { orNull } from './engine/engine.ts';
import { orLaunchFailed } from './failures.ts';
import { EXECUTOR_REPOSITORY } from './image/executorImage.ts';
import { assertPublicRegistry } from './image/publicRegistry.ts';
import { PULL_IDLE_MS, pullImage } from './image/pull.ts';
import type { PulledImages } from './image/pulledImages.ts';
import { isImageReference } from './image/reference.ts';

/** The members of an image's configuration that its container depends on. */
export interface RunImage {
  readonly name: string;
  /** Null: the executor image, whose files are trusted. */
  readonly id: string | null;
  /** USER; '' where it has none. */
  readonly user: string;
  /** STOPSIGNAL; '' where it has none. */
  readonly stopSignal: string;
  /** Paths of its VOLUMEs. */
  readonly volumes: readonly string[];
  readonly healthcheck: boolean;
}

export interface ImageRequest {
  /** The image that was asked for; null: the executor image. */
  readonly asked: string | null;
  readonly executorImage: RunImage;
  /** Of this machine, in the words of image configurations. */
  readonly architecture: string;
  /** ALLOWED_IMAGES; null: any image. */
  readonly allowedImages: readonly string[] | null;
  readonly pulled: PulledImages;
  readonly progress: (step: LaunchProgress) => void;
}

/** @throws LaunchError IMAGE_UNAVAILABLE or LAUNCH_FAILED; the signal's reason */
export const findRunImage = async (docker: Docker, request: ImageRequest, signal: AbortSignal): Promise<RunImage> => {
  const { executorImage, architecture, allowedImages, pulled, progress } = request;
  const asked = request.asked ?? executorImage.name;
  if (asked === executorImage.name) return executorImage;
  if (!isImageReference(asked)) {
    throw new LaunchError('IMAGE_UNAVAILABLE', `${asked.slice(0, 100)} is not a valid image name.`);
  }
  // Before the question: an image that is there must not be removed as unused after it.
  await pulled.used(asked);
  let image = await orLaunchFailed(orNull(docker.getImage(asked).inspect()));
  // A run that was made before an upgrade names the default image of that time.
  if (image === null && asked.startsWith(`${EXECUTOR_REPOSITORY}:`)) return executorImage;
  if (image === null) {
    await assertPublicRegistry(asked, allowedImages);
    progress({ kind: 'IMAGE_PULLING', detail: asked });
    await pullImage(docker, asked, PULL_IDLE_MS, signal);
    progress({ kind: 'IMAGE_PULLED', detail: asked });
    image = await orLaunchFailed(docker.getImage(asked).inspect());
    await pulled.pulled({ name: asked, id: image.Id });
  }
  if (image.Architecture !== '' && image.Architecture !== architecture) {
    const sentence = `The image ${asked} is made for ${image.Architecture}; this machine is ${architecture}.`;
    throw new LaunchError('IMAGE_UNAVAILABLE', sentence);
  }
  return { ...describeImage(asked, image), id: image.Id };
};

/** From what the engine says about the image, without its id. */
export const describeImage = (name: string, { Config: config }: Docker.ImageInspectInfo): RunImage => ({
  name,
  id: null,
  user: config.User ?? '',
  // dockerode's types lack it; the engines have it (Docker Engine API, ImageInspect).
  stopSignal: (config as { readonly StopSignal?: string }).StopSignal ?? '',
  volumes: Object.keys(config.Volumes ?? {}),
  healthcheck: config.Healthcheck != null,
});
