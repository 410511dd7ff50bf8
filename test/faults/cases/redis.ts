/** Cases 4, 6, 7: Redis dies, freezes or disconnects clients. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readText } from '../../../src/redis/private/privateFiles.ts';
import type { FaultCase } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';
import { numberedWide, type Scene } from '../scenario.ts';

export const redisStopped: FaultCase = following({
  number: 4,
  name: 'redis-shutdown',
  title: 'SHUTDOWN of the private Redis during a run; the service starts it again on its file',
  faults: (scene) =>
    atEach(scene, [0.3, 0.7], async () => {
      const { stack } = scene;
      const before = await stack.redisPid();
      // On a separate connection, because ioredis would repeat it to the next server.
      const once = (await stack.admin()).duplicate({ retryStrategy: () => null });
      once.on('error', () => undefined);
      await once.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
      once.disconnect();
      await stack.untilRedisOtherThan(before);
      return 1;
    }),
});

export const redisKilled: FaultCase = following({
  number: 4,
  name: 'redis-killed',
  title: 'kill -9 of the private Redis during a run; the service starts it again on its file',
  faults: (scene) =>
    atEach(scene, [0.2, 0.5, 0.8], async () => {
      const before = await scene.stack.redisPid();
      await scene.stack.killRedis();
      await scene.stack.untilRedisOtherThan(before);
      return 1;
    }),
});

export const operatorRestarted: FaultCase = following({
  number: 4,
  name: 'operator-redis-killed',
  title: "kill -9 of an operator's Redis (everysec), then started again after 2 s",
  stack: { redis: 'everysec' },
  faults: (scene) =>
    atEach(scene, [0.3, 0.7], async () => {
      await scene.stack.killRedis();
      await delay(2000);
      await scene.stack.startRedis();
      return 1;
    }),
});

export const redisFrozen: FaultCase = following({
  number: 6,
  name: 'redis-frozen',
  title: 'Redis frozen for 20 s (SIGSTOP)',
  stack: { services: 2 },
  faults: (scene) =>
    atEach(scene, [0.4], async () => {
      const pid = await scene.stack.redisPid();
      process.kill(pid, 'SIGSTOP');
      await delay(20_000);
      process.kill(pid, 'SIGCONT');
      return 1;
    }),
});

const PAUSES_MS = [300, 3000, 6000, 300] as const;

export const clientPause: FaultCase = following({
  number: 6,
  name: 'client-pause',
  title: 'CLIENT PAUSE ALL for 0.3 to 6 s, several times',
  faults: (scene) =>
    atEach(scene, [0.2, 0.3, 0.6, 0.8], async (index) => {
      const ms = PAUSES_MS[index] ?? 300;
      await (await scene.stack.admin()).client('PAUSE', ms, 'ALL');
      await delay(ms);
      return 1;
    }),
});

/** Kills connections of a type again and again while lines come. Returns how many. */
const killAll = async (
  { stack, started, lines }: Scene,
  pauseMs: () => number,
  type: () => 'normal' | 'pubsub',
): Promise<number> => {
  const redis = await stack.admin();
  let faults = 0;
  while (started.audit.lines < lines * 0.95 && !started.done) {
    await delay(pauseMs());
    faults += Number(await redis.call('CLIENT', 'KILL', 'TYPE', type(), 'SKIPME', 'yes'));
  }
  return faults;
};

export const clientKill: FaultCase = following({
  number: 6,
  name: 'client-kill',
  title: 'CLIENT KILL of every type of connection, every 150 ms',
  faults: (scene) =>
    killAll(
      scene,
      () => 150,
      () => scene.random.pick(['normal', 'pubsub']),
    ),
});

export const subscriberCut: FaultCase = following({
  number: 7,
  name: 'subscriber-cut',
  title: 'the connection of the subscriber killed again and again during a burst',
  seconds: ({ seconds }) => Math.min(seconds, 4),
  faults: (scene) =>
    killAll(
      scene,
      () => scene.random.between(20, 120),
      () => 'pubsub',
    ),
});

/** Lines of 2,000 bytes or more: enough to fill the buffers of Redis. */
const WIDE_BYTES = 2000;

export const pubsubLimit: FaultCase = following({
  number: 7,
  name: 'pubsub-limit',
  title: 'the output buffer limit of pubsub clients reached while the service is frozen for moments',
  command: (lines, seconds) => numberedWide(lines, seconds, WIDE_BYTES),
  seconds: ({ seconds }) => Math.max(seconds, 8),
  ownDigest: true,
  faults: async ({ stack, random, at, started, lines, problem }) => {
    const redis = await stack.admin();
    await redis.config('SET', 'client-output-buffer-limit', 'pubsub 65536 32768 1');
    await at(0.1);
    while (started.audit.lines < lines * 0.9 && !started.done) {
      // While the service does not read, its announcements wait in Redis.
      const pids = [stack.pidOf(0), stack.plainPidOf(0)];
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await delay(random.between(300, 900));
      for (const pid of pids) process.kill(pid, 'SIGCONT');
      await delay(random.between(200, 800));
    }
    const log = (await readText(join(stack.dataPath, 'redis.log'))) ?? '';
    const faults = log.split('for overcoming of output buffer limits').length - 1;
    if (faults === 0) problem('Redis disconnected nobody');
    return faults;
  },
});
