/** What private engines need from the machine, and what they leave behind. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Null, or the reason why an engine that needs root and these programs cannot run here. */
export const missingPrograms = async (programs: readonly string[]): Promise<string | null> => {
  if (process.platform !== 'linux') return 'container tests need Linux';
  if (process.getuid?.() !== 0) return 'container tests need root (or an engine of your own in TEST_CONTAINER_SOCKET)';
  for (const program of programs) {
    const there = await run('which', [program]).then(
      () => true,
      () => false,
    );
    if (!there) return `${program} is not installed`;
  }
  return null;
};

/** Engines leave mounts of their storage behind. */
export const unmountBelow = async (directory: string): Promise<void> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(`${directory}/`)).reverse()) {
    await run('umount', ['-l', mount]).catch(() => undefined);
  }
};
