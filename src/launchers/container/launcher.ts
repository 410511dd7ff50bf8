/** Runs attempts in containers of Docker or Podman: the same code, through the API socket of either. */
import type Docker from 'dockerode';
import { abortable } from '../../async/abortable.ts';
import { interval } from '../../async/interval.ts';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { REDIS_DIRECTORY } from '../../wire/executorRoot.ts';
import {
  type Execution,
  LaunchError,
  type Launcher,
  type LauncherTraits,
  type LaunchProgress,
  type LaunchSpec,
} from '../launcher.ts';
import { fillCarriedVolume } from './carry.ts';
import {
  type ContainerRequest,
  type ContainerSettings,
  containerName,
  createOptions,
  executorArguments,
  LABEL_ATTEMPT,
  LABEL_INSTALLATION,
  LABEL_RUN,
  newExecutorRoot,
} from './container.ts';
import { connectEngine, type EngineFacts, engineFacts, inTime, orNull } from './engine/engine.ts';
import { engineIdentity } from './engine/identity.ts';
import { engineAnswers } from './engine/socket.ts';
import { ContainerExecution } from './execution.ts';
import { EXECUTOR_REPOSITORY, ensureExecutorImage } from './image/executorImage.ts';
import { PULL_IDLE_MS, pullImage } from './image/pull.ts';
import { PulledImages, type PulledImagesOptions } from './image/pulledImages.ts';
import { isImageReference } from './image/reference.ts';
import { type Enforced, type ProbeRequest, probe, removeProbes, unenforcedLine } from './probe.ts';
import { describeImage, findRunImage, type RunImage } from './runImage.ts';
import { seccompOption } from './seccomp.ts';
import { type AttemptNames, ContainerStarter } from './starter.ts';
import { hasNested, hasVolumes, volumeOwners, volumePrefix } from './volumes.ts';

export interface ContainerLauncherOptions extends ContainerSettings {
  /** Path of the engine's API socket. */
  readonly socketPath: string;
  /** Carried into containers, and the default image of runs; null: built from executor/. */
  readonly executorImage: string | null;
  /** ALLOWED_IMAGES; null: any image. */
  readonly allowedImages: readonly string[] | null;
  /** What this service pulls, and when it is removed. */
  readonly pulledImages: PulledImagesOptions;
}

/** Images are looked at this often, or as often as they can expire. */
const CLEAN_IMAGES_MS = 600_000;

interface Prepared {
  readonly executorImage: RunImage;
  /** Name of the volume with the executor's files. */
  readonly volume: string;
  readonly engine: EngineFacts;
  /** As Launcher.engine. */
  readonly identity: string;
  /** As ContainerRequest.seccomp. */
  readonly seccomp: string | null;
}

/** The traits of a launcher whose containers have this network. */
export const containerTraits = (network: string): LauncherTraits => ({
  kind: 'container',
  redisReach: { by: 'mount', directory: REDIS_DIRECTORY, sharesLoopback: network === 'host' },
  carriesExecutor: 'mount',
});

export class ContainerLauncher implements Launcher {
  readonly kind = 'container';
  readonly redisReach: LauncherTraits['redisReach'];
  readonly carriesExecutor = 'mount';
  readonly #options: ContainerLauncherOptions;
  #docker: Promise<Docker> | null = null;
  #prepared: Prepared | null = null;
  #enforced: Enforced = { memory: true, cpus: true, pids: true };
  /** As ContainerStarter takes it; it outlives a lost connection. */
  readonly #checkedImages = new Set<string>();
  readonly #pulledImages: PulledImages;
  #stopCleaning: () => void = () => undefined;

  constructor(options: ContainerLauncherOptions) {
    this.#options = options;
    this.#pulledImages = new PulledImages(options.pulledImages);
    this.redisReach = containerTraits(options.network).redisReach;
  }

  get description(): string {
    const engine = this.#prepared?.engine;
    const name = engine === undefined ? 'a container engine' : `${engine.name} ${engine.version}`;
    return `containers of ${name} (${this.#options.socketPath}), network ${this.#options.network}`;
  }

  get engine(): string {
    if (this.#prepared === null) throw new Error('the container launcher is not prepared yet');
    return this.#prepared.identity;
  }

  get defaultImage(): string {
    return this.#prepared?.executorImage.name ?? this.#options.executorImage ?? EXECUTOR_REPOSITORY;
  }

  get enforces(): Pick<Enforced, 'memory' | 'cpus'> {
    return this.#enforced;
  }

  async prepare(say: (line: string) => void, signal: AbortSignal): Promise<void> {
    const docker = await this.#engine();
    const engine = await inTime(engineFacts(docker), signal);
    const image = await this.#executorImage(docker, say, signal);
    const inspected = await docker.getImage(image).inspect();
    const prepared: Prepared = {
      executorImage: { ...describeImage(image, inspected), volumes: [], healthcheck: false },
      volume: `runloom-executor-${inspected.Id.replace(/^sha256:/, '').slice(0, 12)}`,
      engine,
      identity: `${engine.name.toLowerCase()}:${await engineIdentity(docker)}`,
      seccomp: await seccompOption(engine.name),
    };
    await removeProbes(docker, this.#options.installationId);
    this.#enforced = await this.#probed(prepared, say, signal);
    const warning = unenforcedLine(this.#enforced, `${engine.name} ${engine.version}`);
    if (warning !== null) say(warning);
    this.#prepared = prepared;
    this.#stopCleaning();
    this.#stopCleaning = this.#cleanImages(docker);
  }

  startsImage(): boolean {
    return true;
  }

  async unready(): Promise<string | null> {
    if (this.#prepared === null) return 'the container launcher is not prepared yet';
    if (!(await engineAnswers(this.#options.socketPath))) return 'the container engine does not answer';
    return null;
  }

  async needsPull(image: string): Promise<boolean> {
    if (!isImageReference(image)) return false;
    const docker = await this.#engine();
    return (await inTime(orNull(docker.getImage(image).inspect()))) === null;
  }

  async launch(spec: LaunchSpec, progress: (step: LaunchProgress) => void, signal: AbortSignal): Promise<Execution> {
    signal.throwIfAborted();
    const prepared = this.#prepared;
    if (prepared === null) throw new LaunchError('LAUNCH_FAILED', 'The container launcher is not prepared yet.');
    const docker = await this.#engine();
    const starter = new ContainerStarter(docker, this.#checkedImages);
    const names = this.#names(spec.runId, spec.attempt);
    const found = await starter.adopt(names, progress);
    if (found !== null) return found;
    const { executorImage, engine } = prepared;
    const { allowedImages } = this.#options;
    const { architecture } = engine;
    const asked = {
      asked: spec.image,
      executorImage,
      architecture,
      allowedImages,
      pulled: this.#pulledImages,
      progress,
    };
    const image = await findRunImage(docker, asked, signal);
    signal.throwIfAborted();
    const request = attemptRequest(spec, image, names, prepared);
    const start = (of: ContainerRequest): Promise<Execution> => {
      const options = createOptions(this.#options, of);
      return starter.start({ names, options, imageId: image.id, progress }, signal);
    };
    try {
      return await start(request);
    } catch (error) {
      if (!(error instanceof LaunchError) || !hasNested(image.volumes)) throw error;
      return await start({ ...request, imageVolumes: { ...request.imageVolumes, emptyParents: true } });
    }
  }

  async find(runId: RunId, attempt: number): Promise<Execution | null> {
    const docker = await this.#engine();
    const { container, volumes } = this.#names(runId, attempt);
    const inspected = await inTime(orNull(docker.getContainer(container).inspect()));
    const found = inspected !== null || (await hasVolumes(docker, volumes));
    return found ? new ContainerExecution(docker, container, volumes) : null;
  }

  async list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]> {
    const docker = await this.#engine();
    const { installationId } = this.#options;
    const label = [`${LABEL_INSTALLATION}=${installationId}`, LABEL_RUN];
    const containers = await inTime(docker.listContainers({ all: true, filters: { label } }));
    const found = containers.map(({ Labels: labels }) => ({
      runId: labels[LABEL_RUN] ?? '',
      attempt: Number(labels[LABEL_ATTEMPT]),
    }));
    const attempts = new Map<string, { readonly runId: RunId; readonly attempt: number }>();
    for (const { runId: text, attempt } of [...found, ...(await volumeOwners(docker, installationId))]) {
      const runId = parseRunId(text);
      if (runId !== null && Number.isInteger(attempt)) attempts.set(`${runId} ${attempt}`, { runId, attempt });
    }
    return [...attempts.values()];
  }

  async close(): Promise<void> {
    this.#stopCleaning();
    this.#docker = null;
  }

  /** Now and then removes images that were pulled for runs and are not used. Returns how to stop that. */
  #cleanImages(docker: Docker): () => void {
    const { retentionMs } = this.#options.pulledImages;
    if (retentionMs === null) return () => undefined;
    return interval(() => this.#pulledImages.removeUnused(docker), Math.min(retentionMs, CLEAN_IMAGES_MS));
  }

  #names(runId: RunId, attempt: number): AttemptNames {
    return {
      container: containerName(runId, attempt),
      volumes: volumePrefix(this.#options.installationId, runId, attempt),
    };
  }

  #engine(): Promise<Docker> {
    this.#docker ??= connectEngine(this.#options.socketPath);
    return this.#docker;
  }

  async #executorImage(docker: Docker, say: (line: string) => void, signal: AbortSignal): Promise<string> {
    const { executorImage } = this.#options;
    if (executorImage === null) return ensureExecutorImage({ docker }, say, signal);
    if (!isImageReference(executorImage)) {
      throw new Error(`EXECUTOR_IMAGE: ${executorImage} is not a valid image name. Write it as registry/name:tag.`);
    }
    if ((await orNull(docker.getImage(executorImage).inspect())) === null) {
      say(`Pulling the executor image ${executorImage}.`);
      await pullImage(docker, executorImage, PULL_IDLE_MS, signal);
    }
    return executorImage;
  }

  /** Fills the executor's volume only where the probe shows that it is not complete: filling takes seconds. */
  async #probed(
    { executorImage, volume, engine, seccomp }: Prepared,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Enforced> {
    const docker = await this.#engine();
    const image = executorImage.name;
    const request: ProbeRequest = { settings: this.#options, image, volume, engine, seccomp };
    const enforced = await probe(docker, request, signal).catch(() => null);
    if (enforced !== null) return enforced;
    signal.throwIfAborted();
    say(`Copying the executor into the volume ${volume}.`);
    await abortable(fillCarriedVolume(docker, image, volume, this.#options.installationId), signal);
    return await probe(docker, request, signal);
  }
}

const attemptRequest = (
  spec: LaunchSpec,
  image: RunImage,
  names: AttemptNames,
  { volume, seccomp, engine }: Prepared,
): ContainerRequest => ({
  name: names.container,
  image: image.name,
  imageVolumes: { paths: image.volumes, prefix: names.volumes, emptyParents: false },
  imageHasHealthcheck: image.healthcheck,
  carriedVolume: volume,
  executorRoot: newExecutorRoot(),
  arguments: executorArguments(image.user, image.stopSignal),
  environment: spec.environment,
  resources: spec.resources,
  stopGraceMs: spec.stopGraceMs,
  labels: { [LABEL_RUN]: spec.runId, [LABEL_ATTEMPT]: String(spec.attempt) },
  seccomp,
  engine: engine.name,
});
