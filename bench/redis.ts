/** The bench's Redis: configured as the service's private one, with its file in memory if possible. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type TestRedis } from '../test/support/redis/redis.ts';

/** A file system in memory (tmpfs): on a disk, the bench would measure the disk. */
const MEMORY = '/dev/shm';

const CONFIG = [
  ...['--appendonly', 'yes', '--appendfsync', 'always'],
  // A server that is slow must not be disconnected, which would lose lines: the flood waits for it.
  ...['--client-output-buffer-limit', 'pubsub', '0', '0', '0'],
];

export const startBenchRedis = async (): Promise<TestRedis> => {
  const inMemory = await stat(MEMORY).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const directory = await mkdtemp(join(inMemory ? MEMORY : tmpdir(), 'rl-bench-'));
  const redis = await startRedis({ directory, config: CONFIG });
  const breakOff = (): void => {
    process.kill(redis.pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', breakOff);
  const stop = async (): Promise<void> => {
    process.off('exit', breakOff);
    await redis.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { ...redis, stop, [Symbol.asyncDispose]: stop };
};
