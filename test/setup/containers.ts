/** Global set-up of the container tests: one engine with one executor image, and a busybox-only image. */
import { readFile } from 'node:fs/promises';
import { pack } from 'tar-stream';
import type { TestProject } from 'vitest/node';
import { connectEngine } from '../../src/launchers/container/engine.ts';
import { ensureExecutorImage } from '../../src/launchers/container/image.ts';
import { readSteps } from '../../src/launchers/container/steps.ts';
import { podmanMissing, startPodman, type TestPodman } from '../support/podman.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null where no container engine can run here: container tests are skipped then, visibly. */
    engine: { readonly socketPath: string; readonly executorImage: string } | null;
  }
}

const SETUP_MS = 170_000;

/** TEST_CONTAINER_SOCKET: test with this engine (Docker, a rootless Podman) instead of a private Podman. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const given = process.env.TEST_CONTAINER_SOCKET;
  const missing = given === undefined ? await podmanMissing() : null;
  if (missing !== null) {
    process.stderr.write(`Container tests are skipped: ${missing}.\n`);
    project.provide('engine', null);
    return async () => undefined;
  }
  const podman: TestPodman | null = given === undefined ? await startPodman() : null;
  try {
    const socketPath = given ?? podman?.socketPath ?? '';
    const docker = await connectEngine(socketPath);
    const executorImage = await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(SETUP_MS));
    await buildBusybox(socketPath);
    project.provide('engine', { socketPath, executorImage });
  } catch (error) {
    await podman?.stop();
    throw error;
  }
  return async () => podman?.stop();
};

/** An image that holds nothing but busybox: localhost/only-busybox:1; and one with VOLUME, WORKDIR, ENV, ENTRYPOINT. */
const buildBusybox = async (socketPath: string): Promise<void> => {
  const docker = await connectEngine(socketPath);
  const busybox = await readFile('/bin/busybox');
  const build = async (name: string, dockerfile: string): Promise<void> => {
    const context = pack();
    context.entry({ name: 'Dockerfile' }, dockerfile);
    context.entry({ name: 'busybox', mode: 0o755 }, busybox);
    context.finalize();
    await readSteps(await docker.buildImage(context, { t: name }), () => undefined);
  };
  await build('localhost/only-busybox:1', 'FROM scratch\nCOPY busybox /bin/busybox\n');
  await build(
    'localhost/awkward:1',
    `FROM localhost/only-busybox:1
RUN ["/bin/busybox", "mkdir", "-p", "/workspace", "/stored"]
RUN ["/bin/busybox", "touch", "/workspace/of-the-image", "/stored/of-the-image"]
RUN ["/bin/busybox", "chmod", "0777", "/stored"]
ENV FROM_IMAGE=yes NODE_OPTIONS=--require=/nothing LD_PRELOAD=/nothing.so
VOLUME /stored
ENTRYPOINT ["/bin/busybox", "false"]
STOPSIGNAL SIGUSR1
USER 1234:1234
`,
  );
};
