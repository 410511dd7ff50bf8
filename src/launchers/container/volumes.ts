/**
 * Mounts for the VOLUMEs of images. Without a mount an engine makes an anonymous volume, writable without a size limit.
 * So each VOLUME gets a mount of ours: a named volume, read-only, which the engine fills with the image's files (on
 * Docker an anonymous one cannot be read-only), or, below the run's own writable directories, a tmpfs with a size limit.
 */
import { posix } from 'node:path';
import type Docker from 'dockerode';
import type { RunId } from '../../domain/ids.ts';
import { inTime, isNotFound } from './engine/engine.ts';

/** The engine mounts these itself, and decides what a VOLUME there means. */
const OF_THE_ENGINE = /^\/(proc|sys|dev)(\/|$)/;
const VOLUME_NAME = /^runloom-(.+)\.([0-9a-f-]+)\.(\d+)\.\d+$/;

/** How names of an attempt's volumes begin. The name says whose they are: Podman 4 stores no labels for them. */
export const volumePrefix = (installationId: string, runId: RunId, attempt: number): string =>
  `runloom-${installationId}.${runId}.${attempt}.`;

export interface VolumeMounts {
  readonly mounts: readonly Docker.MountSettings[];
  /** Paths that get a tmpfs like /workspace. */
  readonly writable: readonly string[];
  /** Paths that get an empty, read-only tmpfs. */
  readonly empty: readonly string[];
}

export interface ImageVolumes {
  /** As in the image's configuration. */
  readonly paths: readonly string[];
  /** How their names begin (volumePrefix). */
  readonly prefix: string;
  /**
   * True: a VOLUME that contains another one is left empty, without the image's files. Needed where the image has no
   * directory for the inner one: in a read-only volume no mount point can be made.
   */
  readonly emptyParents: boolean;
}

/** Absolute paths, each once, without those that have a mount already. */
const normalPaths = (paths: readonly string[], taken: ReadonlySet<string>): readonly string[] =>
  [...new Set(paths.map((path) => posix.resolve('/', path)))].filter(
    (path) => path !== '/' && !taken.has(path) && !OF_THE_ENGINE.test(path),
  );

const isBelow = (path: string, parent: string): boolean => path.startsWith(`${parent}/`);

/** Whether one of the paths is below another. */
export const hasNested = (paths: readonly string[]): boolean => {
  const all = normalPaths(paths, new Set());
  return all.some((path) => all.some((other) => isBelow(other, path)));
};

/** The mounts for an image's VOLUMEs. `writable`: the run's own directories, which have their mounts already. */
export const volumeMounts = (
  { paths, prefix, emptyParents }: ImageVolumes,
  writable: readonly string[],
): VolumeMounts => {
  const all = normalPaths(paths, new Set(writable));
  const below = all.filter((path) => writable.some((parent) => isBelow(path, parent)));
  const stored = all.filter((path) => !below.includes(path));
  const empty = emptyParents ? stored.filter((path) => stored.some((other) => isBelow(other, path))) : [];
  return {
    mounts: stored
      .filter((path) => !empty.includes(path))
      .map((path, index) => ({ Type: 'volume', Source: `${prefix}${index}`, Target: path, ReadOnly: true })),
    writable: below,
    empty,
  };
};

/** Names of volumes that begin with the prefix. Docker's own filter also finds it anywhere else in a name. */
const namesOf = async (docker: Docker, prefix: string): Promise<readonly string[]> => {
  const { Volumes: found } = await inTime(docker.listVolumes({ filters: { name: [prefix] } }));
  return (found ?? []).map((volume) => volume.Name).filter((name) => name.startsWith(prefix));
};

/** Removes an attempt's volumes; its container must be gone. Does nothing where there is none. Safe to repeat. */
export const removeVolumes = async (docker: Docker, prefix: string): Promise<void> => {
  for (const name of await namesOf(docker, prefix)) {
    await inTime(docker.getVolume(name).remove()).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};

/** Whether volumes of an attempt are left, with or without its container. */
export const hasVolumes = async (docker: Docker, prefix: string): Promise<boolean> =>
  (await namesOf(docker, prefix)).length > 0;

/** Run and attempt, as text, of each volume of this installation. */
export const volumeOwners = async (
  docker: Docker,
  installationId: string,
): Promise<readonly { readonly runId: string; readonly attempt: number }[]> => {
  const names = await namesOf(docker, `runloom-${installationId}.`);
  return names.flatMap((name) => {
    const [, , runId, attempt] = VOLUME_NAME.exec(name) ?? [];
    return runId === undefined ? [] : [{ runId, attempt: Number(attempt) }];
  });
};
