/** Creates and starts the container of one attempt, or takes over the one that another launch created. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type Execution, LaunchError, type LaunchProgress } from '../launcher.ts';
import { inTime, orNull, statusOf } from './engine/engine.ts';
import { ContainerExecution, notStarted } from './execution.ts';
import { isNameTaken, launchFailed, orLaunchFailed } from './failures.ts';
import { oddImageFile } from './image/imageFiles.ts';
import { removeVolumes } from './volumes.ts';

/** How often a name that is in use is tried again, and the pause between two tries: 2 s in all. */
const NAME_TRIES = 20;
const NAME_PAUSE_MS = 100;

/** The attempt's container and volumes by their names. */
export interface AttemptNames {
  readonly container: string;
  /** All names of its volumes begin with it (volumePrefix). */
  readonly volumes: string;
}

interface Start {
  readonly names: AttemptNames;
  readonly options: Docker.ContainerCreateOptions;
  /** Id of the image whose files are checked before the start; null: a trusted image. */
  readonly imageId: string | null;
  readonly progress: (step: LaunchProgress) => void;
}

export class ContainerStarter {
  readonly #docker: Docker;
  /** Ids of images whose files passed the check; an image's id stands for the same files always. */
  readonly #checked: Set<string>;

  constructor(docker: Docker, checked: Set<string>) {
    this.#docker = docker;
    this.#checked = checked;
  }

  /** Takes over what another launch created, and starts it where that one did not. Null where there is nothing. */
  async adopt(names: AttemptNames, progress: (step: LaunchProgress) => void): Promise<Execution | null> {
    const container = await orLaunchFailed(orNull(this.#docker.getContainer(names.container).inspect()));
    if (container === null) return null;
    progress({ kind: 'FOUND', detail: names.container });
    if (notStarted(container.State.Status)) await this.#startContainer(names.container, container.Image);
    return this.#execution(names);
  }

  /** @throws LaunchError, or the signal's reason; nothing of it is left then */
  async start(start: Start, signal: AbortSignal): Promise<Execution> {
    const { names, imageId, progress } = start;
    const found = await this.#create(start, signal);
    if (found !== null) return found;
    const execution = this.#execution(names);
    try {
      signal.throwIfAborted();
      progress({ kind: 'CREATED', detail: names.container });
      await this.#startContainer(names.container, imageId);
      signal.throwIfAborted();
    } catch (error) {
      await execution.remove().catch(() => undefined);
      throw error;
    }
    return execution;
  }

  /** Null where it created the container; the Execution of one that another launch created at the same time. */
  async #create({ names, options, progress }: Start, signal: AbortSignal): Promise<Execution | null> {
    for (let tried = 0; ; tried += 1) {
      try {
        await inTime(this.#docker.createContainer(options));
        return null;
      } catch (error) {
        if (!isNameTaken(error) || tried >= NAME_TRIES) {
          await removeVolumes(this.#docker, names.volumes).catch(() => undefined);
          throw launchFailed('created', error);
        }
      }
      // Another supervisor was faster; or the earlier container is being removed, which frees the name soon.
      const found = await this.adopt(names, progress);
      if (found !== null) return found;
      await delay(NAME_PAUSE_MS, undefined, { signal });
    }
  }

  /** A container that is started already (304) counts as started. @throws LaunchError */
  async #startContainer(name: string, imageId: string | null): Promise<void> {
    if (imageId !== null) await this.#checkFiles(name, imageId);
    try {
      await inTime(this.#docker.getContainer(name).start());
    } catch (error) {
      if (statusOf(error) !== 304) throw launchFailed('started', error);
    }
  }

  /** @throws LaunchError where the start of the container would hang the engine */
  async #checkFiles(container: string, imageId: string): Promise<void> {
    if (this.#checked.has(imageId)) return;
    const odd = await oddImageFile(this.#docker, container).catch((error: unknown) => {
      throw launchFailed('started', error);
    });
    if (odd !== null) throw new LaunchError('LAUNCH_FAILED', `The image's ${odd} is not a plain file.`);
    this.#checked.add(imageId);
  }

  #execution(names: AttemptNames): Execution {
    return new ContainerExecution(this.#docker, names.container, names.volumes);
  }
}
