/** Cases 3 and 9 with containers: faults of the container and of the engine. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultCase } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';
import { containersOf, engine, killContainer, removeContainer, withEngine } from '../stack/engine.ts';
import { killSupervisor, untilAfterAdoption } from './processes.ts';

/** Containers are removed shortly after the end of their run. */
export const containersLeft = async (socketPath: string, runId: string): Promise<number> => {
  for (let i = 0; ; i += 1, await delay(200)) {
    const left = await containersOf(socketPath, runId);
    if (left.length === 0 || i === 100) return left.length;
  }
};

export const containerAdopted: FaultCase = following({
  number: 3,
  name: 'container-adopted',
  title: 'kill -9 of the supervisor while the container lives: another service adopts the run',
  stack: () => withEngine({ services: 2, startAtFirst: 1 }),
  seconds: untilAfterAdoption,
  faults: killSupervisor(async ({ runId, problem }) => {
    const there = await containersOf((await engine()).socketPath, runId);
    if (there.length !== 1) problem(`${there.length} containers`);
  }),
});

const lost = (name: string, title: string, hurt: (socketPath: string, id: string) => Promise<void>): FaultCase =>
  following({
    number: 9,
    name,
    title,
    stack: () => withEngine(),
    partial: true,
    expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
    faults: (scene) =>
      atEach(scene, [0.4], async () => {
        const { runId, note, problem, allEnded } = scene;
        const { socketPath } = await engine();
        const containers = await containersOf(socketPath, runId);
        for (const { id } of containers) await hurt(socketPath, id);
        const hurtAt = performance.now();
        await allEnded(20_000);
        note(`the end came after ${Math.round(performance.now() - hurtAt)} ms`);
        const left = await containersLeft(socketPath, runId);
        if (left > 0) problem(`${left} containers are left`);
        return containers.length;
      }),
  });

export const containerRemoved = lost(
  'container-removed',
  'the container killed and removed by somebody else: EXECUTOR_LOST, once',
  async (socketPath, id) => {
    // Podman's forced removal alone begins with a stop, which the executor would report (SIGNALLED).
    await killContainer(socketPath, id);
    await removeContainer(socketPath, id);
  },
);
export const containerKilled = lost(
  'container-killed',
  'the whole container killed: EXECUTOR_LOST, once',
  killContainer,
);

export const engineRestarted: FaultCase = following({
  number: 9,
  name: 'engine-restarted',
  title: "the engine's service restarted twice during a run: the container lives, the run goes on",
  stack: () => withEngine(),
  faults: (scene) =>
    atEach(scene, [0.3, 0.6], async () => {
      await (await engine()).restart();
      return 1;
    }),
});
