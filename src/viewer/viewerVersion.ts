/** Which build of the viewer belongs to the sources on disk. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the build reads, from the root of the repository. The lock file stands for the libraries. */
const SOURCES = ['web', 'packages/client/src', 'schema/generated', 'package-lock.json'];

const filesOf = async (root: string, path: string): Promise<readonly string[]> => {
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true }).catch(() => null);
  if (entries === null) return [join(root, path)];
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

/** A hash of the sources: the same sources have the same build. @throws what reading throws */
export const viewerVersion = async (root: string): Promise<string> => {
  const files = (await Promise.all(SOURCES.map((path) => filesOf(root, path)))).flat().sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(file);
    hash.update(`${file.slice(root.length)} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
};
