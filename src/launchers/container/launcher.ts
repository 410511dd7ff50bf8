/** Runs attempts in containers of Docker or Podman: one code, through the API socket of either. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { abortable } from '../../async/abortable.ts';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { type Execution, LaunchError, type Launcher, type LaunchProgress, type LaunchSpec } from '../launcher.ts';
import { fillCarriedVolume, runOnce } from './carry.ts';
import {
  type ContainerSettings,
  containerName,
  createOptions,
  executorArguments,
  LABEL_ATTEMPT,
  LABEL_INSTALLATION,
  LABEL_PROBE,
  LABEL_RUN,
  newExecutorRoot,
} from './container.ts';
import {
  connectEngine,
  type EngineFacts,
  engineFacts,
  engineMessage,
  inTime,
  orNull,
  statusOf,
} from './engine/engine.ts';
import { engineAnswers } from './engine/socket.ts';
import { ContainerExecution, notStarted } from './execution.ts';
import { EXECUTOR_REPOSITORY, ensureExecutorImage } from './image/executorImage.ts';
import { oddImageFile } from './image/imageFiles.ts';
import { pullImage } from './image/pull.ts';
import { isImageReference } from './image/reference.ts';
import { type Enforced, PROBE_RESOURCES, PROBE_SCRIPT, readProbe, unenforcedLine } from './probe.ts';
import { seccompOption } from './seccomp.ts';
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
  /** Null: the executor image, which the operator chose. */
  readonly id: string | null;
  readonly user: string;
  /** Its STOPSIGNAL; '' where it has none. */
  readonly stopSignal: string;
  readonly volumes: readonly string[];
  readonly healthcheck: boolean;
}

interface Making {
  readonly options: Docker.ContainerCreateOptions;
  /** With what the names of its volumes begin. */
  readonly volumes: string;
  readonly imageId: string | null;
}

interface Prepared {
  readonly image: string;
  readonly imageUser: string;
  readonly stopSignal: string;
  readonly volume: string;
  readonly engine: EngineFacts;
  /** As createOptions takes it. */
  readonly seccomp: string | null;
}

const executorImage = ({ image, imageUser, stopSignal }: Prepared): RunImage => ({
  name: image,
  id: null,
  user: imageUser,
  stopSignal,
  volumes: [],
  healthcheck: false,
});

export class ContainerLauncher implements Launcher {
  readonly kind = 'container';
  readonly #options: ContainerLauncherOptions;
  #docker: Promise<Docker> | null = null;
  #prepared: Prepared | null = null;
  #enforced: Enforced = { memory: true, cpus: true, pids: true };
  /** Ids of images whose files are known to do the engine no harm; an id stands for the same files for ever. */
  readonly #harmless = new Set<string>();

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

  get enforces(): Pick<Enforced, 'memory' | 'cpus'> {
    return this.#enforced;
  }

  async prepare(say: (line: string) => void, signal: AbortSignal): Promise<void> {
    const docker = await this.#engine();
    const engine = await inTime(engineFacts(docker), signal);
    const image = await this.#executorImage(docker, say, signal);
    const inspected = await docker.getImage(image).inspect();
    const volume = `runloom-executor-${inspected.Id.replace(/^sha256:/, '').slice(0, 12)}`;
    const imageUser = inspected.Config.User ?? '';
    const seccomp = await seccompOption(engine.name);
    const prepared: Prepared = { image, imageUser, stopSignal: stopSignalOf(inspected), volume, engine, seccomp };
    await this.#removeProbes(docker);
    // The probe tells whether the volume is whole; only then is it worth the time to fill it.
    let enforced = await this.#probe(docker, prepared, signal).catch(() => null);
    if (enforced === null) {
      say(`Copying the executor into the volume ${volume}.`);
      await abortable(fillCarriedVolume(docker, image, volume, this.#options.installationId), signal);
      enforced = await this.#probe(docker, prepared, signal);
    }
    const warning = unenforcedLine(enforced, `${engine.name} ${engine.version}`);
    if (warning !== null) say(warning);
    this.#enforced = enforced;
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
      executorRoot: newExecutorRoot(),
      arguments: executorArguments(image.user, image.stopSignal),
      environment: spec.environment,
      resources: spec.resources,
      stopGraceMs: spec.stopGraceMs,
      labels: { [LABEL_RUN]: spec.runId, [LABEL_ATTEMPT]: String(spec.attempt) },
      seccomp: prepared.seccomp,
      engine: prepared.engine.name,
    };
    const start = (options: Docker.ContainerCreateOptions): Promise<Execution> =>
      this.#start(docker, { options, volumes, imageId: image.id }, progress, signal);
    try {
      return await start(createOptions(this.#options, request));
    } catch (error) {
      if (!(error instanceof LaunchError) || !hasNested(image.volumes)) throw error;
      const emptied = { ...request, imageVolumes: { ...request.imageVolumes, emptyParents: true } };
      return await start(createOptions(this.#options, emptied));
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

  /** Starts a container as runs have it. @throws Error for the operator where the executor could not run in it */
  async #probe(docker: Docker, prepared: Prepared, signal: AbortSignal): Promise<Enforced> {
    const options = createOptions(this.#options, {
      name: `runloom-probe-${crypto.randomUUID()}`,
      image: prepared.image,
      imageVolumes: { paths: [], prefix: '', emptyParents: false },
      imageHasHealthcheck: false,
      carriedVolume: prepared.volume,
      executorRoot: newExecutorRoot(),
      arguments: ['-e', PROBE_SCRIPT],
      environment: {},
      resources: PROBE_RESOURCES,
      stopGraceMs: 0,
      labels: { [LABEL_PROBE]: 'probe' },
      seccomp: prepared.seccomp,
      engine: prepared.engine.name,
    });
    const { exitCode, output } = await abortable(runOnce(docker, options), signal);
    const enforced = readProbe(output, this.#options.pidsLimit);
    if (enforced !== null) return enforced;
    const said = output === '' ? `the probe ended with exit code ${exitCode} and said nothing` : output;
    throw new Error(`${prepared.engine.name} cannot run containers as runs need them: ${said}`);
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
    if (asked === prepared.image) return executorImage(prepared);
    if (!isImageReference(asked)) {
      throw new LaunchError('IMAGE_UNAVAILABLE', `${asked.slice(0, 100)} is no name of an image.`);
    }
    let image = await engineSays(orNull(docker.getImage(asked).inspect()));
    if (image === null && asked.startsWith(`${EXECUTOR_REPOSITORY}:`)) {
      // A run that was made before an upgrade names the default image of that time.
      return executorImage(prepared);
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
      id: image.Id,
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
    if (notStarted(container.State.Status)) {
      await this.#checkFiles(docker, name, container.Image);
      await startContainer(docker.getContainer(name));
    }
    return new ContainerExecution(docker, name, volumes);
  }

  async #start(
    docker: Docker,
    { options, volumes, imageId }: Making,
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
      if (imageId !== null) await this.#checkFiles(docker, name, imageId);
      await startContainer(docker.getContainer(name));
      signal.throwIfAborted();
    } catch (error) {
      await execution.remove().catch(() => undefined);
      throw error;
    }
    return execution;
  }

  /** @throws LaunchError where starting the container would hang the engine */
  async #checkFiles(docker: Docker, container: string, imageId: string): Promise<void> {
    if (this.#harmless.has(imageId)) return;
    const odd = await oddImageFile(docker, container).catch((error: unknown) => {
      throw failed('started', error);
    });
    if (odd !== null) throw new LaunchError('LAUNCH_FAILED', `The image's ${odd} is not a plain file.`);
    this.#harmless.add(imageId);
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
