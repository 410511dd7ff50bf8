/** One private Podman for all container cases, started when the first case needs it. */
import { LABEL_RUN } from '../../../src/launchers/container/container.ts';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import { ensureExecutorImage } from '../../../src/launchers/container/image/executorImage.ts';
import { podmanMissing, startPodman, type TestPodman } from '../../support/engines/podman.ts';
import { NotHere } from '../faultCase.ts';
import type { StackOptions } from './stack.ts';

let podman: Promise<TestPodman> | null = null;

/** @throws NotHere if no engine can run here */
export const engine = async (): Promise<TestPodman> => {
  const missing = await podmanMissing();
  if (missing !== null) throw new NotHere(missing);
  podman ??= (async () => {
    const started = await startPodman();
    const docker = await connectEngine(started.socketPath);
    await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(170_000));
    return started;
  })();
  return await podman;
};

/** A stack whose runs are containers. @throws NotHere if no engine can run here */
export const withEngine = async ({ env, ...options }: StackOptions = {}): Promise<StackOptions> => {
  const { socketPath } = await engine();
  const containers = { LAUNCHER: 'container', CONTAINER_SOCKET: socketPath, EXECUTOR_NETWORK: 'none' };
  return { ...options, env: { MAX_CONCURRENT_RUNS: '3', ...containers, ...env } };
};

export const stopEngine = async (): Promise<void> => {
  await (await podman?.catch(() => null))?.stop();
  podman = null;
};

/** Containers of a run, by name. */
export const containersOf = async (socketPath: string, runId: string): Promise<readonly { readonly id: string }[]> => {
  const docker = await connectEngine(socketPath);
  const found = await docker.listContainers({ all: true, filters: { label: [`${LABEL_RUN}=${runId}`] } });
  return found.map(({ Id }) => ({ id: Id }));
};

/** A container that the service has removed already counts as removed. */
export const removeContainer = async (socketPath: string, id: string): Promise<void> => {
  const docker = await connectEngine(socketPath);
  await docker
    .getContainer(id)
    .remove({ force: true })
    .catch((error: unknown) => {
      if ((error as { readonly statusCode?: number }).statusCode !== 404) throw error;
    });
};

export const killContainer = async (socketPath: string, id: string): Promise<void> => {
  const docker = await connectEngine(socketPath);
  await docker.getContainer(id).kill({ signal: 'SIGKILL' });
};
