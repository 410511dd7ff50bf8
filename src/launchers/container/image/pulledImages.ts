/**
 * Images that this service has pulled, and their removal. One file for each, named by the hash of the image's name; its time
 * of change is the image's last use. So several processes of one DATA_DIR can use it at once.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Logger } from 'pino';
import { inTime, orNull, statusOf } from '../engine/engine.ts';

interface PulledImage {
  readonly name: string;
  /** The engine's id: another image can have the name later. */
  readonly id: string;
}

export interface PulledImagesOptions {
  /** Absolute path. */
  readonly directory: string;
  /** How long an image stays after its last use, milliseconds; null: always. */
  readonly retentionMs: number | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const SUFFIX = '.json';

export class PulledImages {
  readonly #options: PulledImagesOptions;

  constructor(options: PulledImagesOptions) {
    this.#options = options;
  }

  /** Notes an image that this service pulled just now. Never throws: at worst the image stays. */
  async pulled(image: PulledImage): Promise<void> {
    const path = this.#pathOf(image.name);
    try {
      await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
      const draft = `${path}.${crypto.randomUUID()}`;
      await writeFile(draft, JSON.stringify(image), { mode: 0o600 });
      await rename(draft, path);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'could not note a pulled image; it will not be removed');
    }
  }

  /** Notes that the image is used now. Does nothing for images that others brought. */
  async used(name: string): Promise<void> {
    const now = new Date();
    await utimes(this.#pathOf(name), now, now).catch(() => undefined);
  }

  /** Removes the images that were not used for retentionMs. Never throws. */
  async removeUnused(docker: Docker): Promise<void> {
    const { directory, log } = this.#options;
    const names = await readdir(directory).catch(() => [] as string[]);
    for (const name of names.filter((file) => file.endsWith(SUFFIX))) {
      try {
        await this.#removeIfUnused(docker, join(directory, name));
      } catch (error) {
        log.warn({ err: error }, 'could not remove an unused image; trying again later');
      }
    }
  }

  async #removeIfUnused(docker: Docker, path: string): Promise<void> {
    if (!(await this.#isUnused(path))) return;
    const image = JSON.parse(await readFile(path, 'utf8')) as PulledImage;
    const present = await inTime(orNull(docker.getImage(image.name).inspect()));
    // A run can have begun to use it meanwhile.
    if (!(await this.#isUnused(path))) return;
    if (present?.Id === image.id && !(await removed(docker, image.name))) return;
    await unlink(path);
    if (present?.Id === image.id) this.#options.log.info({ image: image.name }, 'removed an unused image');
  }

  async #isUnused(path: string): Promise<boolean> {
    const { retentionMs } = this.#options;
    return retentionMs !== null && Date.now() - (await stat(path)).mtimeMs > retentionMs;
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, `${createHash('sha256').update(name).digest('hex')}${SUFFIX}`);
  }
}

/** Without force: false if a container uses the image. An image with other names only loses this one. */
const removed = async (docker: Docker, name: string): Promise<boolean> => {
  try {
    await inTime(docker.getImage(name).remove());
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return true;
    if (statusOf(error) === 409) return false;
    throw error;
  }
};
