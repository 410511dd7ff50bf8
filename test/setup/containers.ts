/** Global setup of the container tests with one engine: an executor image, and images that contain only busybox. */
import type Docker from 'dockerode';
import type { TestProject } from 'vitest/node';
import { connectEngine } from '../../src/launchers/container/engine/engine.ts';
import { ensureExecutorImage } from '../../src/launchers/container/image/executorImage.ts';
import { dockerMissing, startDocker } from '../support/engines/docker.ts';
import { buildImage, ONLY_BUSYBOX } from '../support/engines/images.ts';
import { podmanMissing, startPodman } from '../support/engines/podman.ts';
import type { TestEngine } from '../support/engines/testEngine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null if no container engine can run here. Container tests are then reported as skipped. */
    engine: { readonly socketPath: string; readonly executorImage: string } | null;
  }
}

const SETUP_MS = 170_000;

/** The engines by the names of the projects in vitest.config.ts. */
const ENGINES = {
  container: { missing: podmanMissing, start: startPodman },
  docker: { missing: dockerMissing, start: startDocker },
};

/** TEST_CONTAINER_SOCKET selects another engine, such as a rootless Podman, instead of the private Podman. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const engine = ENGINES[project.name as keyof typeof ENGINES];
  const given = project.name === 'container' ? process.env.TEST_CONTAINER_SOCKET : undefined;
  const missing = given === undefined ? await engine.missing() : null;
  if (missing !== null) {
    process.stderr.write(`Tests of the project ${project.name} are skipped: ${missing}.\n`);
    project.provide('engine', null);
    return async () => undefined;
  }
  const started: TestEngine | null = given === undefined ? await engine.start() : null;
  try {
    const socketPath = given ?? started?.socketPath ?? '';
    const docker = await connectEngine(socketPath);
    const executorImage = await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(SETUP_MS));
    await buildBusybox(docker);
    project.provide('engine', { socketPath, executorImage });
  } catch (error) {
    await started?.stop();
    throw error;
  }
  return async () => started?.stop();
};

/** Builds an image that contains only busybox, and one with VOLUME, ENV, ENTRYPOINT, STOPSIGNAL and USER. */
const buildBusybox = async (docker: Docker): Promise<void> => {
  await buildImage(docker, ONLY_BUSYBOX, 'FROM scratch\nCOPY busybox /bin/busybox\n');
  await buildImage(
    docker,
    'localhost/awkward:1',
    `FROM ${ONLY_BUSYBOX}
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
