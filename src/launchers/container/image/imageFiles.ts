/**
 * Checks the files of an image that engines read as root before a container starts. Where one is not a plain file, the
 * read never ends: a FIFO in the place of /etc/passwd hangs the start of its container forever, and the container
 * cannot be removed (Docker 20.10, Podman 4.3).
 */
import { posix } from 'node:path';
import type Docker from 'dockerode';
import { inTime, isNotFound } from '../engine/engine.ts';

const READ_BY_ENGINES = ['/etc/passwd', '/etc/group'] as const;
/** The engine makes these later, with devices in them. */
const NOT_OF_THE_IMAGE = /^\/(dev|proc|sys)(\/|$)/;
/** Symbolic links that are followed at most, as Linux does (path_resolution(7)). */
const MOST_LINKS = 40;
/** Bits of Go's os.FileMode, which the engines answer with: symbolic link, and everything that is not a plain file. */
const LINK = 0x08000000;
const NOT_PLAIN = 0x8f280000;

interface PathStat {
  readonly mode: number;
  readonly linkTarget: string;
}

/** The first of these files that is not plain, in a container that is not started; null where all are. */
export const oddImageFile = async (docker: Docker, container: string): Promise<string | null> => {
  for (const path of READ_BY_ENGINES) {
    if (!(await isPlainOrMissing(docker, container, path))) return path;
  }
  return null;
};

const isPlainOrMissing = async (docker: Docker, container: string, path: string): Promise<boolean> => {
  let at: string = path;
  for (let links = 0; links < MOST_LINKS; links += 1) {
    if (NOT_OF_THE_IMAGE.test(at)) return false;
    const stat = await statIn(docker, container, at);
    if (stat === null) return true;
    if ((stat.mode & NOT_PLAIN) === 0) return true;
    if ((stat.mode & LINK) === 0 || stat.linkTarget === '') return false;
    at = posix.resolve(posix.dirname(at), stat.linkTarget);
  }
  return false;
};

/** Null where the path does not exist. */
const statIn = async (docker: Docker, container: string, path: string): Promise<PathStat | null> => {
  try {
    const { headers } = (await inTime(docker.getContainer(container).infoArchive({ path }))) as unknown as {
      readonly headers: Readonly<Record<string, string | undefined>>;
    };
    const text = Buffer.from(headers['x-docker-container-path-stat'] ?? '', 'base64').toString();
    return JSON.parse(text) as PathStat;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};
