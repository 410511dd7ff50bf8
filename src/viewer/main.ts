/**
 * A program that builds the viewer: `node src/viewer/main.ts <directory>`. It builds beside the directory and renames the
 * result, so that the directory is complete whenever it exists. It may run several times at once.
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const target = process.argv[2] ?? '';
const beside = `${target}.${process.pid}`;

/** Compressed once here, so that serving costs nothing. */
const compressAll = async (directory: string): Promise<void> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    await writeFile(`${path}.br`, await promisify(brotliCompress)(content));
    await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
  }
};

await build({
  configFile: join(ROOT, 'web/vite.config.ts'),
  logLevel: 'warn',
  build: { outDir: beside, emptyOutDir: true },
});
await compressAll(beside);
try {
  await rename(beside, target);
} catch {
  // Another process was faster: its build is of the same sources.
  await rm(beside, { recursive: true, force: true });
}
