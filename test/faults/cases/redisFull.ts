/** Case 13: Redis has no memory left, or its disk is full: everything waits, then everything recovers. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type FaultCase, NotHere } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';

const execute = promisify(execFile);

export const outOfMemory: FaultCase = following({
  number: 13,
  name: 'redis-out-of-memory',
  title: 'maxmemory reached (noeviction) for 5 s, twice: everything waits, then recovers; faults are refused commands',
  faults: async (scene) => {
    const redis = await scene.stack.admin();
    await atEach(scene, [0.3, 0.7], async () => {
      await redis.config('SET', 'maxmemory', '1');
      await delay(5000);
      await redis.config('SET', 'maxmemory', '0');
      return 1;
    });
    return Number(/^errorstat_OOM:count=(\d+)/m.exec(await redis.info('errorstats'))?.[1] ?? 0);
  },
});

const smallDisk = async (directory: string): Promise<() => Promise<void>> => {
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', directory]).catch((error: Error) => {
    throw new NotHere(`no small disk can be mounted (${error.message})`);
  });
  return async () => {
    await execute('umount', ['-l', directory]);
  };
};

const diskFull = (redis: 'private' | 'everysec', name: string, title: string): FaultCase =>
  following({
    number: 13,
    name,
    title,
    stack: { redis, prepareFiles: smallDisk },
    settleSeconds: 90,
    faults: (scene) =>
      atEach(scene, [0.3, 0.6], async () => {
        const { stack } = scene;
        const filler = join(stack.redisDirectory, 'filler');
        // It fails when the disk is full, as intended.
        await writeFile(filler, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined);
        const before = await stack.redisPid();
        await delay(6000);
        await rm(filler);
        if (redis === 'private' && (await stack.redisPid()) !== before)
          scene.note('Redis exited by itself, as it does with fsync always, and was started again');
        for (let i = 0; i < 600 && (await stack.redisPid()) === 0; i += 1) await delay(50);
        return 1;
      }),
  });

export const diskFullPrivate = diskFull(
  'private',
  'disk-full-private',
  'the disk of the private Redis full for 6 s, twice',
);
export const diskFullOperator = diskFull(
  'everysec',
  'disk-full-operator',
  "the disk of an operator's Redis full for 6 s, twice",
);
