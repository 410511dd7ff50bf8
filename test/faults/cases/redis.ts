/** Cases 4, 5, 6, 7, 13: Redis dies, forgets, freezes, cuts, is full. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readText } from '../../../src/redis/privateFiles.ts';
import { type FaultCase, NotHere } from '../faultCase.ts';
import { loseUnsynced, makeFsyncRecorder, untilUnsynced } from '../powerLoss.ts';
import { numberedWide, runOf, scenario } from '../scenario.ts';
import { Stack } from '../stack.ts';

const execute = promisify(execFile);

export const redisStopped: FaultCase = {
  number: 4,
  name: 'redis-shutdown',
  title: 'SHUTDOWN of the private Redis mid-run; the service starts it again on its file',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        let faults = 0;
        for (const share of [0.3, 0.7]) {
          await at(share);
          const before = await stack.redisPid();
          // On a connection of its own, or ioredis says it again to the server that comes after.
          const once = (await stack.admin()).duplicate({ retryStrategy: () => null });
          once.on('error', () => undefined);
          await once.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
          once.disconnect();
          await untilOther(() => stack.redisPid(), before);
          faults += 1;
        }
        return faults;
      },
    });
  },
};

export const redisKilled: FaultCase = {
  number: 4,
  name: 'redis-killed',
  title: 'kill -9 of the private Redis mid-run; the service starts it again on its file',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        let faults = 0;
        for (const share of [0.2, 0.5, 0.8]) {
          await at(share + random.next() * 0.1);
          const before = await stack.redisPid();
          await stack.killRedis();
          await untilOther(() => stack.redisPid(), before);
          faults += 1;
        }
        return faults;
      },
    });
  },
};

export const operatorRestarted: FaultCase = {
  number: 4,
  name: 'operator-redis-killed',
  title: "kill -9 of an operator's Redis (everysec), started again after 2 s",
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ redis: 'everysec' });
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        let faults = 0;
        for (const share of [0.3, 0.7]) {
          await at(share);
          await stack.killRedis();
          faults += 1;
          await delay(2000);
          await stack.startRedis();
        }
        return faults;
      },
    });
  },
};

const powerLoss = (redis: 'private' | 'everysec', name: string, title: string): FaultCase => ({
  number: 5,
  name,
  title,
  async run({ random, lines, seconds }) {
    await using recorder = await makeFsyncRecorder();
    await using stack = await Stack.open({ redis, path: recorder.path });
    return await scenario({
      stack,
      random,
      lines,
      // Long enough for the run to be under way at each of them: an end that is lost is another case.
      seconds: Math.max(seconds, 9),
      faults: async ({ at, note, problem, runId }) => {
        let faults = 0;
        for (const share of [0.1, 0.3, 0.5]) {
          await at(share + random.next() * 0.1);
          const pid = await stack.redisPid();
          const key = `run:{${runId}}`;
          // Half a second into the second between two syncs there is something to lose.
          const acknowledged = Number(await (await stack.admin()).hget(key, 'lastSeq'));
          const lost = await loseUnsynced(stack.redisDirectory, pid);
          faults += 1;
          if (redis === 'private') await untilOther(() => stack.redisPid(), pid);
          else {
            await stack.killRedis();
            await delay(300);
            await stack.startRedis();
          }
          const admin = await stack.admin();
          await admin.ping();
          note(`cut ${lost} bytes back to the last sync; seq ${acknowledged} was read just before`);
          if (redis === 'private') {
            const now = Number(await admin.hget(key, 'lastSeq'));
            if (now < acknowledged) problem(`acknowledged up to ${acknowledged}, on disk ${now}`);
          }
        }
        return faults;
      },
    });
  },
});

export const powerLossAlways = powerLoss(
  'private',
  'power-loss-private',
  'power failure under the private Redis (fsync always): nothing acknowledged is lost',
);
export const powerLossEverysec = powerLoss(
  'everysec',
  'power-loss-everysec',
  "power failure under an operator's Redis (everysec): the executor puts it back under the same seqs",
);

export const wiped: FaultCase = {
  number: 5,
  name: 'redis-wiped',
  title: 'everything wiped: those who follow and those who resume are told NOT_FOUND within a second',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ redis: 'everysec' });
    const verdict = await scenario({
      stack,
      random,
      lines,
      seconds,
      settleSeconds: 10,
      partial: true,
      faults: async ({ at, note, problem, viewers, runId }) => {
        await at(0.5);
        await (await stack.admin()).flushall();
        const wipedAt = performance.now();
        await Promise.race([Promise.all(viewers.map((viewer) => viewer.ended)), delay(10_000)]);
        const took = Math.round(performance.now() - wipedAt);
        note(`all told after ${took} ms`);
        for (const viewer of viewers)
          if (viewer.refused !== 'NOT_FOUND') problem(`a viewer was told ${viewer.refused}`);
        // The viewers' own pause before they come again is up to 150 ms.
        if (took > 1500) problem(`it took ${took} ms`);
        for (let i = 0; ; i += 1) {
          const { executors, commands } = await stack.processesOf(runId);
          if (executors.length + commands.length === 0) break;
          if (i === 200) {
            problem('its processes go on');
            break;
          }
          await delay(50);
        }
        return 1;
      },
    });
    // There is no end to be right about: the run is gone.
    const told = verdict.problems.filter((text) => !text.startsWith('ends ') && !text.startsWith('refused: NOT_FOUND'));
    return { ...verdict, endRight: true, digestRight: null, problems: told };
  },
};

export const redisFrozen: FaultCase = {
  number: 6,
  name: 'redis-frozen',
  title: 'Redis frozen for 20 s (SIGSTOP)',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ services: 2 });
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        await at(0.4);
        const pid = await stack.redisPid();
        process.kill(pid, 'SIGSTOP');
        await delay(20_000);
        process.kill(pid, 'SIGCONT');
        return 1;
      },
    });
  },
};

export const clientPause: FaultCase = {
  number: 6,
  name: 'client-pause',
  title: 'CLIENT PAUSE ALL for 0.3 to 6 s, several times',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        const redis = await stack.admin();
        let faults = 0;
        for (const [share, ms] of [
          [0.2, 300],
          [0.3, 3000],
          [0.6, 6000],
          [0.8, 300],
        ] as const) {
          await at(share);
          await redis.client('PAUSE', ms, 'ALL');
          faults += 1;
          await delay(ms);
        }
        return faults;
      },
    });
  },
};

export const clientKill: FaultCase = {
  number: 6,
  name: 'client-kill',
  title: 'CLIENT KILL of every type of connection, every 150 ms',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ started, lines }) => {
        const redis = await stack.admin();
        let faults = 0;
        while (started.audit.lines < lines * 0.95 && !started.done) {
          await delay(150);
          const type = random.pick(['normal', 'pubsub']);
          faults += Number(await redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'));
        }
        return faults;
      },
    });
  },
};

export const subscriberCut: FaultCase = {
  number: 7,
  name: 'subscriber-cut',
  title: "the subscriber's connection cut again and again during a burst",
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds: Math.min(seconds, 4),
      faults: async ({ started, lines }) => {
        const redis = await stack.admin();
        let faults = 0;
        while (started.audit.lines < lines * 0.95 && !started.done) {
          await delay(random.between(20, 120));
          faults += Number(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
        }
        return faults;
      },
    });
  },
};

export const pubsubLimit: FaultCase = {
  number: 7,
  name: 'pubsub-limit',
  title: "the output buffer limit of pubsub clients hit, the service's process frozen for moments",
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    const wide = Math.round(lines / 5);
    return await scenario({
      stack,
      random,
      lines: wide,
      seconds,
      command: numberedWide(wide, seconds, 2000),
      ownDigest: true,
      faults: async ({ at, started, lines, problem }) => {
        const redis = await stack.admin();
        const closed = async (): Promise<number> =>
          ((await readText(join(stack.dataPath, 'redis.log'))) ?? '').split('for overcoming of output buffer limits')
            .length - 1;
        await redis.config('SET', 'client-output-buffer-limit', 'pubsub 65536 32768 1');
        await at(0.1);
        while (started.audit.lines < lines * 0.9 && !started.done) {
          // What reads nothing for a moment has its announcements pile up in Redis.
          process.kill(stack.pidOf(0), 'SIGSTOP');
          process.kill(stack.plainPidOf(0), 'SIGSTOP');
          await delay(random.between(300, 900));
          process.kill(stack.pidOf(0), 'SIGCONT');
          process.kill(stack.plainPidOf(0), 'SIGCONT');
          await delay(random.between(200, 800));
        }
        const faults = await closed();
        if (faults === 0) problem('Redis cut nobody');
        return faults;
      },
    });
  },
};

export const powerLossWithExecutor: FaultCase = {
  number: 5,
  name: 'power-loss-and-executor',
  title: "power failure under an operator's Redis (everysec) that takes the executor with it: nobody can put it back",
  async run({ random, lines, seconds }) {
    await using recorder = await makeFsyncRecorder();
    await using stack = await Stack.open({ redis: 'everysec', path: recorder.path });
    let told = 0;
    const verdict = await scenario({
      stack,
      random,
      lines,
      seconds,
      partial: true,
      mayDrop: true,
      expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
      faults: async ({ at, note, runId, viewers }) => {
        await at(0.5);
        const { executors, commands } = await stack.processesOf(runId);
        for (const pid of [...executors, ...commands]) signal(pid, 'SIGSTOP');
        const lost = await loseUnsynced(stack.redisDirectory, await stack.redisPid());
        for (const pid of [...commands, ...executors]) signal(pid, 'SIGKILL');
        await stack.killRedis();
        await stack.startRedis();
        await Promise.race([Promise.all(viewers.map((viewer) => viewer.ended)), delay(30_000)]);
        told = viewers.filter((viewer) => viewer.refused === 'BAD_USER_INPUT').length;
        const run = await runOf(stack.urls()[0] ?? '', runId);
        note(
          `${lost} bytes gone; viewers saw up to seq ${Math.max(...viewers.map((one) => one.audit.last))}; ${run?.dropped} lines are known to be lost; ${told} viewers were told that the log ends before what they have`,
        );
        return 1;
      },
    });
    // A viewer that has more than the run's end is told so by an error: that is all that can be told then.
    const problems = verdict.problems.filter((text) => !(told > 0 && /^(ends|refused: BAD_USER_INPUT)/.test(text)));
    return { ...verdict, endRight: verdict.endRight || told > 0, digestRight: null, problems };
  },
};

export const powerLossFlood: FaultCase = {
  number: 5,
  name: 'power-loss-flood',
  title: 'power failure that takes more than the executor keeps (12 MiB, no fsync): a LinesDropped STORE_LOST, no more',
  async run({ random }) {
    await using recorder = await makeFsyncRecorder();
    const redisConfig = ['--auto-aof-rewrite-percentage', '0'];
    await using stack = await Stack.open({ redis: 'no', path: recorder.path, redisConfig });
    const wide = 2500;
    return await scenario({
      stack,
      random,
      lines: wide,
      seconds: 15,
      command: numberedWide(wide, 15, 40_000),
      ownDigest: true,
      mayDrop: true,
      faults: async ({ note, runId }) => {
        // By the record: viewers of such lines are some way behind.
        const redis = await stack.admin();
        while (Number(await redis.hget(`run:{${runId}}`, 'lines')) < wide * 0.1) await delay(10);
        // A rewrite is the one sync: what comes after it is not on disk.
        await redis.bgrewriteaof();
        while (!/^aof_rewrite_in_progress:0/m.test(await redis.info('persistence'))) await delay(10);
        await untilUnsynced(stack.redisDirectory, 12 * 1024 * 1024);
        const lost = await loseUnsynced(stack.redisDirectory, await stack.redisPid());
        await stack.killRedis();
        await stack.startRedis();
        const url = stack.urls()[0] ?? '';
        for (let i = 0; i < 600 && (await runOf(url, runId).catch(() => null))?.status !== 'COMPLETED'; i += 1) {
          await delay(50);
        }
        note(`${lost} bytes gone; ${(await runOf(url, runId))?.dropped} lines nobody had any more`);
        return lost > 0 ? 1 : 0;
      },
    });
  },
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
};

const diskFull = (redis: 'private' | 'everysec', name: string, title: string): FaultCase => ({
  number: 13,
  name,
  title,
  async run({ random, lines, seconds }) {
    let files = '';
    const mounted = async (directory: string): Promise<void> => {
      files = directory;
      await execute('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', files]).catch((error: Error) => {
        throw new NotHere(`no small disk can be mounted (${error.message})`);
      });
    };
    await using stack = await Stack.open({ redis, prepareFiles: mounted });
    // Before the stack removes its files.
    await using _disk = {
      [Symbol.asyncDispose]: async () => {
        await stack.killRedis();
        await execute('umount', ['-l', files]);
      },
    };
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      settleSeconds: 90,
      faults: async ({ at, note }) => {
        let faults = 0;
        for (const share of [0.3, 0.6]) {
          await at(share);
          const filler = join(files, 'filler');
          await writeFile(filler, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined);
          const before = await stack.redisPid();
          faults += 1;
          await delay(6000);
          await rm(filler);
          if (redis === 'private' && (await stack.redisPid()) !== before)
            note('Redis ended by itself, as it does with fsync always, and was started again');
          for (let i = 0; i < 600 && (await stack.redisPid()) === 0; i += 1) await delay(50);
        }
        return faults;
      },
    });
  },
});

export const diskFullPrivate = diskFull('private', 'disk-full-private', "the private Redis' disk full for 6 s, twice");
export const diskFullOperator = diskFull(
  'everysec',
  'disk-full-operator',
  "an operator's Redis' disk full for 6 s, twice",
);

export const outOfMemory: FaultCase = {
  number: 13,
  name: 'redis-out-of-memory',
  title: 'maxmemory reached (noeviction) for 5 s: all wait, then all recover',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        const redis = await stack.admin();
        for (const share of [0.3, 0.7]) {
          await at(share);
          await redis.config('SET', 'maxmemory', '1');
          await delay(5000);
          await redis.config('SET', 'maxmemory', '0');
        }
        const errors = Number(/^errorstat_OOM:count=(\d+)/m.exec(await redis.info('errorstats'))?.[1] ?? 0);
        return errors;
      },
    });
  },
};

/** Waits for another pid than `before`, that is for a server that was started again. */
const untilOther = async (read: () => Promise<number>, before: number): Promise<void> => {
  for (let i = 0; i < 600; i += 1) {
    const now = await read();
    if (now !== 0 && now !== before) return;
    await delay(25);
  }
  throw new NotHere('the private Redis was not started again');
};
