/** Cases 1, 2, 3, 14, 17: processes of the service die, freeze or stop. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import { leaseKey } from '../../../src/wire/keys.ts';
import type { FaultCase } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';
import type { Scene } from '../scenario.ts';

/** The bound that must be kept. */
const ADOPTED_WITHIN_MS = 15_000;

/** The supervisor of the run; it changes when another process adopts the run. */
const leaseHolder = async ({ stack, runId }: Scene): Promise<string | null> =>
  await (await stack.admin()).get(leaseKey(parseRunId(runId) as RunId));

/** Waits until another process has the lease, and notes how long that took. */
const untilAdopted = async (scene: Scene, before: string | null): Promise<void> => {
  const begun = performance.now();
  for (;;) {
    const holder = await leaseHolder(scene);
    const ms = Math.round(performance.now() - begun);
    if (holder !== null && holder !== before) return scene.note(`adopted after ${ms} ms`);
    if (ms > ADOPTED_WITHIN_MS) return scene.problem(`nobody adopted the run within ${ADOPTED_WITHIN_MS} ms`);
    await delay(50);
  }
};

export const apiKilled: FaultCase = following({
  number: 1,
  name: 'api-killed',
  title: 'kill -9 of the service during a run, then started again',
  faults: (scene) =>
    atEach(scene, [0.2, 0.5, 0.75], async () => {
      await scene.stack.kill(0);
      await delay(scene.random.between(0, 800));
      await scene.stack.start(0);
      return 1;
    }),
});

export const otherServes: FaultCase = following({
  number: 2,
  name: 'viewers-move',
  title: 'two services, the one with the viewers killed: viewers resume on the other one',
  stack: { services: 2 },
  serving: 0,
  faults: (scene) =>
    atEach(scene, [0.2, 0.5, 0.75], async (index) => {
      const { stack, started, note, moveTo } = scene;
      const dead = index % 2;
      await stack.kill(dead);
      moveTo(1 - dead);
      const killedAt = performance.now();
      const had = started.audit.last;
      while (started.audit.last === had && !started.done && performance.now() - killedAt < 20_000) await delay(10);
      note(`resumed after ${Math.round(performance.now() - killedAt)} ms`);
      await stack.start(dead);
      return 1;
    }),
});

/**
 * Kills the supervisor: the only service when the run began; then starts the other one.
 * `look` checks what must hold once the run is adopted.
 */
export const killSupervisor = (look: (scene: Scene) => Promise<void>) => async (scene: Scene) => {
  await scene.stack.start(1);
  return await atEach(scene, [0.15], async () => {
    const before = await leaseHolder(scene);
    await scene.stack.kill(0);
    await untilAdopted(scene, before);
    await look(scene);
    await scene.stack.start(0);
    return 1;
  });
};
/** The run must go on until another service has had time to adopt it. */
export const untilAfterAdoption = ({ seconds }: { readonly seconds: number }): number => Math.max(seconds, 8) + 20;

export const supervisorKilled: FaultCase = following({
  number: 3,
  name: 'supervisor-killed',
  title: 'kill -9 of the supervisor while its executor lives: another service adopts the run',
  stack: { services: 2, startAtFirst: 1 },
  seconds: untilAfterAdoption,
  faults: killSupervisor(async ({ stack, runId, problem }) => {
    const { executors } = await stack.processesOf(runId);
    if (executors.length !== 1) problem(`${executors.length} executors`);
  }),
});

export const terminated: FaultCase = following({
  number: 17,
  name: 'sigterm-under-load',
  title: 'SIGTERM under load: viewers get close code 1001 and resume elsewhere; exit 0 within 10 s',
  stack: { services: 2 },
  seconds: ({ seconds }) => Math.max(seconds, 8),
  serving: 0,
  faults: (scene) =>
    atEach(scene, [0.15, 0.4], async (leaving) => {
      const { stack, started, note, problem, moveTo } = scene;
      const closes = started.closes.get(1001) ?? 0;
      const begun = performance.now();
      const stopping = stack.kill(leaving, 'SIGTERM');
      moveTo(1 - leaving);
      const exit = await stopping;
      const took = Math.round(performance.now() - begun);
      const how = `${exit.code ?? exit.signal} after ${took} ms`;
      note(`the service exited with ${how}`);
      if (exit.code !== 0 || took > 10_000) problem(`the service exited with ${how}`);
      await delay(300);
      if (!started.done && (started.closes.get(1001) ?? 0) !== closes + 1)
        problem(`no close code 1001, but ${JSON.stringify([...started.closes])}`);
      await stack.start(leaving);
      return 1;
    }),
});

const FROZEN_MS = 60_000;
const QUICK_FROZEN_MS = 18_000;

export const frozen: FaultCase = following({
  number: 14,
  name: 'supervisor-frozen',
  title: 'the supervisor frozen for a minute while another service adopts its run, then resumed: one end, one executor',
  stack: { services: 2, startAtFirst: 1 },
  seconds: ({ quick }) => (quick ? 40 : 80),
  faults: async (scene) => {
    const { stack, runId, note, problem, bench, moveTo } = scene;
    await stack.start(1);
    return await atEach(scene, [0.03], async () => {
      const executors = new Set<number>();
      const look = async (ms: number): Promise<void> => {
        for (const end = performance.now() + ms; performance.now() < end; await delay(200))
          for (const pid of (await stack.processesOf(runId)).executors) executors.add(pid);
      };
      const before = await leaseHolder(scene);
      process.kill(stack.pidOf(0), 'SIGSTOP');
      const frozenAt = performance.now();
      moveTo(1);
      for (const viewer of scene.viewers) viewer.cut();
      await untilAdopted(scene, before);
      await look((bench.quick ? QUICK_FROZEN_MS : FROZEN_MS) - (performance.now() - frozenAt));
      process.kill(stack.pidOf(0), 'SIGCONT');
      note(`frozen for ${Math.round(performance.now() - frozenAt)} ms`);
      await look(2000);
      note(`${executors.size} executor(s) seen`);
      if (executors.size !== 1) problem(`${executors.size} executors`);
      return 1;
    });
  },
});
