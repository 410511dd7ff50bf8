/**
 * The VOLUMEs of images. An engine gives each one that nothing is mounted on an anonymous volume, writable without
 * bound; so something of ours is mounted on every one: a named volume, read-only, which the engine fills with the
 * image's files (an anonymous one cannot be read-only on Docker), or a bounded tmpfs below the run's own rooms.
 */
import { posix } from 'node:path';
import type Docker from 'dockerode';
import type { RunId } from '../../domain/ids.ts';
import { inTime, isNotFound } from './engine/engine.ts';

/** What the engine itself mounts; it decides what a VOLUME there means. */
const OF_THE_ENGINE = /^\/(proc|sys|dev)(\/|$)/;
const VOLUME_NAME = /^runloom-(.+)\.([0-9a-f-]+)\.(\d+)\.\d+$/;

/** Names of an attempt's volumes begin with it. Podman 4 keeps no labels here, so the name says whose they are. */
export const volumePrefix = (installationId: string, runId: RunId, attempt: number): string =>
  `runloom-${installationId}.${runId}.${attempt}.`;

export interface VolumeMounts {
  readonly mounts: readonly Docker.MountSettings[];
  /** Paths that get a room like /workspace. */
  readonly rooms: readonly string[];
  /** Paths that get an empty, read-only tmpfs. */
  readonly empty: readonly string[];
}

export interface ImageVolumes {
  /** As the image's config names them. */
  readonly paths: readonly string[];
  /** Of their names (volumePrefix). */
  readonly prefix: string;
  /**
   * True: one that holds another is left empty, without the image's files. Needed where the inner one's directory is
   * not among them: nothing can be mounted on what is missing in a read-only volume.
   */
  readonly emptyParents: boolean;
}

/** Absolute paths, each once, without those that have something of ours already. */
const normalPaths = (paths: readonly string[], taken: ReadonlySet<string>): readonly string[] =>
  [...new Set(paths.map((path) => posix.resolve('/', path)))].filter(
    (path) => path !== '/' && !taken.has(path) && !OF_THE_ENGINE.test(path),
  );

const isBelow = (path: string, parent: string): boolean => path.startsWith(`${parent}/`);

/** Whether one of them lies in another. */
export const hasNested = (paths: readonly string[]): boolean => {
  const all = normalPaths(paths, new Set());
  return all.some((path) => all.some((other) => isBelow(other, path)));
};

/** What to mount on them. `rooms`: the run's own writable directories, which have their mounts already. */
export const volumeMounts = ({ paths, prefix, emptyParents }: ImageVolumes, rooms: readonly string[]): VolumeMounts => {
  const all = normalPaths(paths, new Set(rooms));
  const inRoom = all.filter((path) => rooms.some((room) => isBelow(path, room)));
  const stored = all.filter((path) => !inRoom.includes(path));
  const empty = emptyParents ? stored.filter((path) => stored.some((other) => isBelow(other, path))) : [];
  return {
    mounts: stored
      .filter((path) => !empty.includes(path))
      .map((path, index) => ({ Type: 'volume', Source: `${prefix}${index}`, Target: path, ReadOnly: true })),
    rooms: inRoom,
    empty,
  };
};

/** Names of the volumes that begin so; the engine's own filter takes more (Docker: anywhere in the name). */
const namesOf = async (docker: Docker, prefix: string): Promise<readonly string[]> => {
  const { Volumes: found } = await inTime(docker.listVolumes({ filters: { name: [prefix] } }));
  return (found ?? []).map((volume) => volume.Name).filter((name) => name.startsWith(prefix));
};

/** Removes an attempt's volumes; its container must be gone. Harmless where there is none. */
export const removeVolumes = async (docker: Docker, prefix: string): Promise<void> => {
  for (const name of await namesOf(docker, prefix)) {
    await inTime(docker.getVolume(name).remove()).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};

/** Whether a launch left volumes, with its container or without. */
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
