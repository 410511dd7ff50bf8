/**
 * A power failure as the files of Redis show it. A small library in redis-server records the length of the append-only
 * file at each fdatasync(2); then redis-server is killed and the file is truncated to that length.
 * Needs a C compiler.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NotHere } from '../faultCase.ts';

const run = promisify(execFile);

// The size is read before the call: what is written during the call may or may not be on disk.
const RECORDER = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int note(int fd, int (*real)(int)) {
  struct stat st; char link[64], path[4096]; ssize_t n = -1;
  int known = fstat(fd, &st) == 0;
  int result = real(fd);
  if (!known || result != 0) return result;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink(link, path, sizeof path - 8);
  if (n <= 4 || strncmp(path + n - 4, ".aof", 4) != 0) return result;
  memcpy(path + n, ".synced", 8);
  int out = open(path, O_WRONLY | O_CREAT, 0600);
  if (out < 0) return result;
  char text[32]; int len = snprintf(text, sizeof text, "%020lld\\n", (long long)st.st_size);
  if (pwrite(out, text, len, 0) != len) { }
  close(out);
  return result;
}
int fdatasync(int fd) { return note(fd, (int (*)(int))dlsym(RTLD_NEXT, "fdatasync")); }
int fsync(int fd) { return note(fd, (int (*)(int))dlsym(RTLD_NEXT, "fsync")); }
`;

export interface FsyncRecorder extends AsyncDisposable {
  /** A directory with the wrapped redis-server; put it first on the PATH. */
  readonly path: string;
}

/** @throws NotHere if there is no C compiler */
export const makeFsyncRecorder = async (): Promise<FsyncRecorder> => {
  const path = await mkdtemp(join(tmpdir(), 'rl-power-'));
  const dispose = () => rm(path, { recursive: true, force: true });
  try {
    const source = join(path, 'recorder.c');
    const library = join(path, 'recorder.so');
    await writeFile(source, RECORDER);
    await run('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
    const { stdout } = await run('which', ['redis-server']);
    const program = join(path, 'redis-server');
    await writeFile(program, `#!/bin/sh\nLD_PRELOAD='${library}' exec '${stdout.trim()}' "$@"\n`);
    await chmod(program, 0o755);
  } catch (error) {
    await dispose();
    throw new NotHere(`no power failure without a C compiler (${error instanceof Error ? error.message : error})`);
  }
  return { path, [Symbol.asyncDispose]: dispose };
};

/** Waits until so many bytes are not yet synced, at most ten seconds. */
export const untilUnsynced = async (directory: string, bytes: number): Promise<void> => {
  const files = join(directory, 'appendonlydir');
  for (let i = 0; i < 1000; i += 1, await delay(10)) {
    for (const name of await readdir(files)) {
      if (!name.endsWith('.incr.aof')) continue;
      const synced = Number(await readFile(join(files, `${name}.synced`), 'utf8').catch(() => '0'));
      // A rewrite may have removed the file.
      const size = await stat(join(files, name)).then(
        (found) => found.size,
        () => 0,
      );
      if (size - synced > bytes) return;
    }
  }
};

/** Stops the server, truncates its file to the last sync, and kills the server. Returns the number of lost bytes. */
export const loseUnsynced = async (directory: string, pid: number): Promise<number> => {
  process.kill(pid, 'SIGSTOP');
  const files = join(directory, 'appendonlydir');
  let lost = 0;
  for (const name of await readdir(files)) {
    if (!name.endsWith('.incr.aof')) continue;
    const file = join(files, name);
    const synced = Number(await readFile(`${file}.synced`, 'utf8').catch(() => '0'));
    const { size } = await stat(file);
    if (size <= synced) continue;
    lost += size - synced;
    await truncate(file, synced);
  }
  process.kill(pid, 'SIGKILL');
  return lost;
};
