/**
 * Directories for unix sockets. They are short, because a socket's path has at most 107 bytes (sun_path of unix(7), without
 * its NUL), and safe from other users in /tmp.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Below the kernel's 107, with room for redis-server's own temporary names. */
const PATH_BYTES_MAX = 100;
const SOCKET_NAME_BYTES = 16;

/** The directory for `purpose` (such as the data directory), the same for all processes of this user. */
export const shortDirectoryFor = (runtimeDirectory: string | null, purpose: string): string => {
  const uid = process.getuid?.() ?? 0;
  const hash = createHash('sha256').update(`${uid}\0${purpose}`).digest('hex').slice(0, 12);
  const bases = runtimeDirectory === null ? ['/tmp'] : [runtimeDirectory, '/tmp'];
  const paths = bases.map((base) => join(base, `runloom-${hash}`));
  return (
    paths.find((path) => Buffer.byteLength(path) + 1 + SOCKET_NAME_BYTES < PATH_BYTES_MAX) ??
    join('/tmp', `runloom-${hash}`)
  );
};

/**
 * Creates the directory with mode 0750 and the service's group, which executors in containers get as an extra group. Safe
 * to repeat. @throws Error if it exists and is not this user's alone (anybody can write to /tmp)
 */
export const makeShortDirectory = async (path: string): Promise<void> => {
  await mkdir(path, { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(path);
  const own = found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o022) === 0;
  if (!own) throw new Error(`${path} exists and is not a directory of this user alone. Remove it.`);
};
