/** The faults of `--mixed`: each one is injected and healed here. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseRunId, type RunId } from '../../src/domain/ids.ts';
import { recordKey } from '../../src/wire/keys.ts';
import type { Viewer } from './follow/viewer.ts';
import type { Random } from './random.ts';
import { loseUnsynced } from './stack/powerLoss.ts';
import type { NetworkProxy, ProxyMode } from './stack/proxy.ts';
import type { Stack } from './stack/stack.ts';

export interface Fault {
  readonly name: string;
  /** What it affects: one fault at a time on each. */
  readonly on: string;
  /** False if there was nothing to affect now. */
  readonly run: () => Promise<boolean>;
}

export interface LiveRun {
  readonly id: string;
  readonly startedAt: number;
  readonly viewers: readonly Viewer[];
  /** Lines that its first viewer has. */
  readonly share: () => number;
  /** Its executor was killed, so it ends as EXECUTOR_LOST. */
  killed: boolean;
}

export interface Scenery {
  readonly live: () => readonly LiveRun[];
  /** When the last run with a killed executor ended, by performance.now(). */
  readonly killedEndedAt: () => number;
}

/** Redis with everysec syncs within this time, milliseconds. */
const SYNCED_MS = 3000;

/** All faults. Those that are to come more often are listed more than once. */
export const faultsOf = (stack: Stack, random: Random, scenery: Scenery): readonly [Fault, ...Fault[]] => {
  /**
   * Whether Redis may lose its last second now. Not if nobody could restore it: a run that was made in that second (its
   * executor does not know it yet), or the end of a run whose executor is dead.
   */
  const mayForget = (): boolean =>
    scenery.live().every((run) => !run.killed && performance.now() - run.startedAt > SYNCED_MS) &&
    performance.now() - scenery.killedEndedAt() > SYNCED_MS;
  const service = (index: number): Fault[] => [
    {
      name: 'kill -9 of a service',
      on: `service ${index}`,
      run: async () => {
        await stack.kill(index);
        await delay(random.between(0, 1500));
        await startAgain(stack, index);
        return true;
      },
    },
    {
      name: 'SIGTERM of a service',
      on: `service ${index}`,
      run: async () => {
        await stack.kill(index, 'SIGTERM');
        await startAgain(stack, index);
        return true;
      },
    },
    {
      name: 'SIGSTOP of a service',
      on: `service ${index}`,
      run: async () => {
        process.kill(stack.pidOf(index), 'SIGSTOP');
        await delay(random.between(200, 4000));
        process.kill(stack.pidOf(index), 'SIGCONT');
        return true;
      },
    },
  ];
  const network = (name: string, proxy: () => NetworkProxy | null): Fault[] => [
    { name: `connections cut, ${name}`, on: name, run: async () => (proxy()?.cut() ?? 0) > 0 },
    ...(['shut', 'blackhole', 'upCut', 'downCut', 'slow', 'bytes'] as const).map(
      (mode: ProxyMode): Fault => ({
        name: `network ${mode}, ${name}`,
        on: name,
        run: async () => {
          proxy()?.set(mode);
          await delay(random.between(200, 3000));
          proxy()?.set('open');
          return true;
        },
      }),
    ),
    {
      name: `answers lost, ${name}`,
      on: name,
      run: async () => {
        const before = proxy()?.lostAnswers() ?? 0;
        proxy()?.loseAnswers('evalsha', 2);
        await delay(random.between(200, 1500));
        proxy()?.loseAnswers('', 0);
        return (proxy()?.lostAnswers() ?? 0) > before;
      },
    },
  ];
  const restart = async (forget: boolean): Promise<boolean> => {
    if (forget) await loseUnsynced(stack.redisDirectory, await stack.redisPid());
    await stack.killRedis();
    await delay(random.between(0, 1500));
    await stack.startRedis();
    return true;
  };
  const pause = (ms: number): Promise<boolean> => delay(ms).then(() => true);
  const redis: Fault[] = [
    { name: 'kill -9 of Redis', on: 'redis', run: () => restart(false) },
    { name: 'power failure of Redis', on: 'redis', run: async () => (mayForget() ? await restart(true) : false) },
    {
      name: 'SIGSTOP of Redis',
      on: 'redis',
      run: async () => {
        const pid = await stack.redisPid();
        process.kill(pid, 'SIGSTOP');
        await delay(random.between(200, 4000));
        process.kill(pid, 'SIGCONT');
        return true;
      },
    },
    {
      name: 'CLIENT PAUSE',
      on: 'redis',
      run: async () => {
        const ms = random.between(100, 2000);
        await (await stack.admin()).client('PAUSE', ms, 'ALL');
        return await pause(ms);
      },
    },
    ...['normal', 'pubsub'].map(
      (type): Fault => ({
        name: `CLIENT KILL ${type}`,
        on: 'redis',
        run: async () => Number(await (await stack.admin()).call('CLIENT', 'KILL', 'TYPE', type)) > 0,
      }),
    ),
  ];
  const killExecutor: Fault = {
    name: 'kill -9 of an executor',
    // Not while Redis has a fault: what Redis loses then exists only in this executor.
    on: 'redis',
    run: async () => {
      const run = scenery.live().find((one) => !one.killed && one.share() > 0.1 && one.share() < 0.8);
      if (run === undefined) return false;
      const key = recordKey(parseRunId(run.id) as RunId);
      const stored = Number(await (await stack.admin()).hget(key, 'lastSeq'));
      if (run.viewers.some(({ audit }) => audit.last > stored)) return false;
      const { executors } = await stack.processesOf(run.id);
      if (executors.length === 0) return false;
      run.killed = true;
      stack.signal(executors, 'SIGKILL');
      return true;
    },
  };
  const cutViewers: Fault = {
    name: 'all viewers cut',
    on: 'viewers',
    run: async () => {
      const all = scenery.live().flatMap(({ viewers }) => viewers);
      for (const viewer of all) viewer.cut();
      return all.length > 0;
    },
  };
  return [
    cutViewers,
    cutViewers,
    killExecutor,
    killExecutor,
    killExecutor,
    ...service(0),
    ...service(1),
    ...network('services', () => stack.serviceProxy),
    ...network('executors', () => stack.executorProxy),
    ...redis,
    ...redis,
  ];
};

/** A service that starts while Redis is away gives up after a while, as it should; then it is started again. */
const startAgain = async (stack: Stack, index: number): Promise<void> => {
  for (;;) {
    try {
      return await stack.start(index);
    } catch {
      await delay(500);
    }
  }
};
