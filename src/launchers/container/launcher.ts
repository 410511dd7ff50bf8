/** Runs attempts in containers of Docker or Podman: one code, through the API socket of either. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { type Execution, LaunchError, type Launcher, type LaunchProgress, type LaunchSpec } from '../launcher.ts';
import { fillCarriedVolume, PROBE_ANSWER, PROBE_SCRIPT, runOnce } from './carry.ts';
import {
  type ContainerSettings,
  carriedNode,
  containerName,
  createOptions,
  executorCommand,
  LABEL_ATTEMPT,
  LABEL_INSTALLATION,
  LABEL_PROBE,
  LABEL_RUN,
} from './container.ts';
import {
  abortable,
  connectEngine,
  type EngineFacts,
  engineFacts,
  engineMessage,
  inTime,
  orNull,
  statusOf,
} from './engine.ts';
import { ContainerExecution, notStarted } from './execution.ts';
import { EXECUTOR_REPOSITORY, ensureExecutorImage } from './image.ts';
import { pullImage } from './pull.ts';
import { isImageReference } from './reference.ts';
import { engineAnswers } from './socket.ts';
import { hasNested, hasVolumes, removeVolumes, volumeOwners, volumePrefix } from './volumes.ts';

export interface ContainerLauncherOptions extends ContainerSettings {
  readonly socketPath: string;
  /** What is carried and the default image of a run; null: built from executor/. */
  readonly executorImage: string | null;
}

/** A pull in which the registry says nothing for so long has failed. */
const PULL_IDLE_MS = 120_000;

/** What of an image matters for its container. */
interface RunImage {
  readonly name: string;
  readonly user: string;
  /** Its STOPSIGNAL; '' where it has none. */
  readonly stopSignal: string;
  readonly volumes: readonly string[];
  readonly healthcheck: boolean;
}

interface Prepared {
  readonly image: string;
  readonly imageUser: string;
  readonly stopSignal: string;
  readonly volume: string;
  readonly engine: EngineFacts;
}

export class ContainerLauncher implements Launcher {
  readonly kind = 'container';
  readonly #options: ContainerLauncherOptions;
  #docker: Promise<Docker> | null = null;
  #prepared: Prepared | null = null;

  constructor(options: ContainerLauncherOptions) {
    this.#options = options;
  }

  get description(): string {
    const engine = this.#prepared?.engine;
    const name = engine === undefined ? 'a container engine' : `${engine.name} ${engine.version}`;
    return `containers of ${name} (${this.#options.socketPath}), network ${this.#options.network}`;
  }

  get defaultImage(): string {
    return this.#prepared?.image ?? this.#options.executorImage ?? EXECUTOR_REPOSITORY;
  }

  async prepare(say: (line: string) => void, signal: AbortSignal): Promise<void> {
    const docker = await this.#engine();
    const engine = await inTime(engineFacts(docker), signal);
    const image = await this.#executorImage(docker, say, signal);
    const inspected = await docker.getImage(image).inspect();
    const volume = `runloom-executor-${inspected.Id.replace(/^sha256:/, '').slice(0, 12)}`;
    const imageUser = inspected.Config.User ?? '';
    const prepared = { image, imageUser, stopSignal: stopSignalOf(inspected), volume, engine };
    await this.#removeProbes(docker);
    // The probe tells whether the volume is whole; only then is it worth the time to fill it.
    const first = await this.#probe(docker, prepared, signal).catch((error: unknown) => engineMessage(error));
    if (first !== PROBE_ANSWER) {
      say(`Copying the executor into the volume ${volume}.`);
      await abortable(fillCarriedVolume(docker, image, volume, this.#options.installationId), signal);
      const answer = await this.#probe(docker, prepared, signal);
      if (answer !== PROBE_ANSWER) throw new Error(`${engine.name} cannot run containers as runs need them: ${answer}`);
    }
    this.#prepared = prepared;
  }

  async unready(): Promise<string | null> {
    if (this.#prepared === null) return 'the container launcher is not prepared yet';
    if (!(await engineAnswers(this.#options.socketPath))) return 'the container engine does not answer';
    return null;
  }

  async launch(spec: LaunchSpec, progress: (step: LaunchProgress) => void, signal: AbortSignal): Promise<Execution> {
    signal.throwIfAborted();
    const prepared = this.#prepared;
    if (prepared === null) throw new LaunchError('LAUNCH_FAILED', 'The container launcher is not prepared yet.');
    const docker = await this.#engine();
    const name = containerName(spec.runId, spec.attempt);
    const found = await this.#adopt(docker, name, this.#volumes(spec.runId, spec.attempt), progress);
    if (found !== null) return found;
    const image = await this.#imageOf(docker, spec, prepared, progress, signal);
    signal.throwIfAborted();
    const volumes = this.#volumes(spec.runId, spec.attempt);
    const request = {
      name,
      image: image.name,
      imageVolumes: { paths: image.volumes, prefix: volumes, emptyParents: false },
      imageHasHealthcheck: image.healthcheck,
      carriedVolume: prepared.volume,
      command: executorCommand(image.user, image.stopSignal),
      environment: spec.environment,
      resources: spec.resources,
      stopGraceMs: spec.stopGraceMs,
      labels: { [LABEL_RUN]: spec.runId, [LABEL_ATTEMPT]: String(spec.attempt) },
      engine: prepared.engine.name,
    };
    try {
      return await this.#start(docker, createOptions(this.#options, request), volumes, progress, signal);
    } catch (error) {
      if (!(error instanceof LaunchError) || !hasNested(image.volumes)) throw error;
      const emptied = { ...request, imageVolumes: { ...request.imageVolumes, emptyParents: true } };
      return await this.#start(docker, createOptions(this.#options, emptied), volumes, progress, signal);
    }
  }

  async find(runId: RunId, attempt: number): Promise<Execution | null> {
    const docker = await this.#engine();
    const name = containerName(runId, attempt);
    const volumes = this.#volumes(runId, attempt);
    const container = await inTime(orNull(docker.getContainer(name).inspect()));
    const found = container !== null || (await hasVolumes(docker, volumes));
    return found ? new ContainerExecution(docker, name, volumes) : null;
  }

  async list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]> {
    const docker = await this.#engine();
    const label = [`${LABEL_INSTALLATION}=${this.#options.installationId}`, LABEL_RUN];
    const containers = await inTime(docker.listContainers({ all: true, filters: { label } }));
    const found = containers.map(({ Labels: labels }) => ({
      runId: labels[LABEL_RUN] ?? '',
      attempt: Number(labels[LABEL_ATTEMPT]),
    }));
    const attempts = new Map<string, { readonly runId: RunId; readonly attempt: number }>();
    for (const { runId: text, attempt } of [...found, ...(await volumeOwners(docker, this.#options.installationId))]) {
      const runId = parseRunId(text);
      if (runId !== null && Number.isInteger(attempt)) attempts.set(`${runId} ${attempt}`, { runId, attempt });
    }
    return [...attempts.values()];
  }

  async close(): Promise<void> {
    this.#docker = null;
  }

  #volumes(runId: RunId, attempt: number): string {
    return volumePrefix(this.#options.installationId, runId, attempt);
  }

  #engine(): Promise<Docker> {
    this.#docker ??= connectEngine(this.#options.socketPath);
    return this.#docker;
  }

  async #executorImage(docker: Docker, say: (line: string) => void, signal: AbortSignal): Promise<string> {
    const { executorImage } = this.#options;
    if (executorImage === null) return ensureExecutorImage({ docker }, say, signal);
    if (!isImageReference(executorImage)) throw new Error(`EXECUTOR_IMAGE: ${executorImage} is no name of an image.`);
    if ((await orNull(docker.getImage(executorImage).inspect())) === null) {
      say(`Pulling the executor image ${executorImage}.`);
      await pullImage(docker, executorImage, PULL_IDLE_MS, signal);
    }
    return executorImage;
  }

  /** What the carried Node.js printed in a container made as a run's is, or why it could not run. */
  async #probe(docker: Docker, prepared: Prepared, signal: AbortSignal): Promise<string> {
    const options = createOptions(this.#options, {
      name: `runloom-probe-${crypto.randomUUID()}`,
      image: prepared.image,
      imageVolumes: { paths: [], prefix: '', emptyParents: false },
      imageHasHealthcheck: false,
      carriedVolume: prepared.volume,
      command: carriedNode('-e', PROBE_SCRIPT),
      environment: {},
      resources: { cpus: 1, memoryMb: 128 },
      stopGraceMs: 0,
      labels: { [LABEL_PROBE]: 'probe' },
      engine: prepared.engine.name,
    });
    const { exitCode, output } = await abortable(runOnce(docker, options), signal);
    return output === '' ? `the probe ended with exit code ${exitCode} and said nothing` : output;
  }

  /** Those that a service left which died in `prepare`. */
  async #removeProbes(docker: Docker): Promise<void> {
    const label = [`${LABEL_INSTALLATION}=${this.#options.installationId}`, LABEL_PROBE];
    for (const { Id } of await docker.listContainers({ all: true, filters: { label } })) {
      await docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    }
  }

  async #imageOf(
    docker: Docker,
    spec: LaunchSpec,
    prepared: Prepared,
    progress: (step: LaunchProgress) => void,
    signal: AbortSignal,
  ): Promise<RunImage> {
    const asked = spec.image ?? prepared.image;
    const { imageUser: user, stopSignal } = prepared;
    if (asked === prepared.image) return { name: asked, user, stopSignal, volumes: [], healthcheck: false };
    if (!isImageReference(asked)) {
      throw new LaunchError('IMAGE_UNAVAILABLE', `${asked.slice(0, 100)} is no name of an image.`);
    }
    let image = await engineSays(orNull(docker.getImage(asked).inspect()));
    if (image === null && asked.startsWith(`${EXECUTOR_REPOSITORY}:`)) {
      // A run that was made before an upgrade names the default image of that time.
      return { name: prepared.image, user, stopSignal, volumes: [], healthcheck: false };
    }
    if (image === null) {
      progress({ kind: 'IMAGE_PULLING', detail: asked });
      await pullImage(docker, asked, PULL_IDLE_MS, signal);
      progress({ kind: 'IMAGE_PULLED', detail: asked });
      image = await engineSays(docker.getImage(asked).inspect());
    }
    const { architecture } = prepared.engine;
    if (image.Architecture !== '' && image.Architecture !== architecture) {
      throw new LaunchError(
        'IMAGE_UNAVAILABLE',
        `The image ${asked} is made for ${image.Architecture}; this machine is ${architecture}.`,
      );
    }
    const healthcheck = image.Config.Healthcheck != null;
    return {
      name: asked,
      user: image.Config.User ?? '',
      stopSignal: stopSignalOf(image),
      volumes: Object.keys(image.Config.Volumes ?? {}),
      healthcheck,
    };
  }

  /** Takes over what a launch of before made, starting it where that one did not come to it. */
  async #adopt(
    docker: Docker,
    name: string,
    volumes: string,
    progress: (step: LaunchProgress) => void,
  ): Promise<Execution | null> {
    const container = await engineSays(orNull(docker.getContainer(name).inspect()));
    if (container === null) return null;
    progress({ kind: 'FOUND', detail: name });
    if (notStarted(container.State.Status)) await startContainer(docker.getContainer(name));
    return new ContainerExecution(docker, name, volumes);
  }

  async #start(
    docker: Docker,
    options: Docker.ContainerCreateOptions,
    volumes: string,
    progress: (step: LaunchProgress) => void,
    signal: AbortSignal,
  ): Promise<Execution> {
    const { name = '' } = options;
    const execution = new ContainerExecution(docker, name, volumes);
    for (let tried = 0; ; tried += 1) {
      try {
        await inTime(docker.createContainer(options));
        break;
      } catch (error) {
        if (!isNameTaken(error) || tried >= 20) {
          await removeVolumes(docker, volumes).catch(() => undefined);
          throw failed('made', error);
        }
        // Another supervisor was faster; or one is just being removed, and then the name is free in a moment.
        const found = await this.#adopt(docker, name, volumes, progress);
        if (found !== null) return found;
        await delay(100, undefined, { signal });
      }
    }
    try {
      signal.throwIfAborted();
      progress({ kind: 'CREATED', detail: name });
      await startContainer(docker.getContainer(name));
      signal.throwIfAborted();
    } catch (error) {
      await execution.remove().catch(() => undefined);
      throw error;
    }
    return execution;
  }
}

/** @throws LaunchError. Started already (304) is as good as started. */
const startContainer = async (container: Docker.Container): Promise<void> => {
  try {
    await inTime(container.start());
  } catch (error) {
    if (statusOf(error) !== 304) throw failed('started', error);
  }
};

/** Docker answers 409; Podman 4 answers 500 and says so. */
const isNameTaken = (error: unknown): boolean =>
  statusOf(error) === 409 || /name .* is already in use|already in use by/i.test(engineMessage(error));

const failed = (what: 'made' | 'started', error: unknown): LaunchError => {
  const answered = statusOf(error) !== null;
  const why = answered ? 'the container engine refused it' : 'the container engine does not answer';
  return new LaunchError('LAUNCH_FAILED', `The container could not be ${what}: ${why}.`, error);
};

/** @throws LaunchError LAUNCH_FAILED where the engine fails or is away */
const engineSays = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await inTime(answer);
  } catch (error) {
    throw failed('made', error);
  }
};

/** The types leave it out; the engines have it (Docker Engine API, ImageInspect). */
const stopSignalOf = ({ Config: config }: Docker.ImageInspectInfo): string =>
  (config as { readonly StopSignal?: string }).StopSignal ?? '';
