/** What a run in a container costs beyond the container: its first line against the engine's bare start and stop. */
import type Docker from 'dockerode';
import { connectEngine, engineFacts, engineMessage } from '../../../src/launchers/container/engine/engine.ts';
import { findContainerSocket } from '../../../src/launchers/container/engine/socket.ts';
import { ensureExecutorImage } from '../../../src/launchers/container/image/executorImage.ts';
import { podmanMissing, startPodman } from '../../../test/support/engines/podman.ts';
import { startRunloom } from '../../servers.ts';
import { median } from '../../statistics.ts';
import type { Part } from '../part.ts';
import { firstLineMs } from './firstLine.ts';

const ROUNDS = 5;
const IMAGE_MS = 240_000;
/** Podman looks every 250 ms where it is not told otherwise, which would make the bare start dear. */
const STOPPED = { condition: 'not-running', interval: '10ms' } as const;

interface Engine extends AsyncDisposable {
  readonly socketPath: string;
}

/** The one that the service would take, else a private Podman; null, with why, where neither can be had. */
const openEngine = async (): Promise<Engine | string> => {
  const { CONTAINER_SOCKET, DOCKER_HOST, XDG_RUNTIME_DIR } = process.env;
  const hints = { dockerHost: DOCKER_HOST ?? null, runtimeDirectory: XDG_RUNTIME_DIR ?? null };
  const socketPath = CONTAINER_SOCKET ?? (await findContainerSocket(hints));
  if (socketPath !== null) return { socketPath, [Symbol.asyncDispose]: () => Promise.resolve() };
  const missing = await podmanMissing();
  if (missing !== null) return `no container engine answers, and ${missing}`;
  const podman = await startPodman();
  return { socketPath: podman.socketPath, [Symbol.asyncDispose]: () => podman.stop() };
};

/** To create a container of the same image, start it and see it end; its removal is not counted. */
const bareMs = async (docker: Docker, image: string): Promise<number> => {
  const started = performance.now();
  const container = await docker.createContainer({ Image: image, Entrypoint: ['/opt/runloom/bin/busybox', 'true'] });
  try {
    await container.start();
    await container.wait(STOPPED);
    return performance.now() - started;
  } finally {
    await container.remove({ force: true });
  }
};

export const containerPart: Part = {
  name: 'container',
  async run({ redisUrl, say }) {
    const engine = await openEngine();
    if (typeof engine === 'string') {
      say(`SKIPPED: ${engine}`);
      return [{ title: 'From startRun to the first line, in a container', rows: [{ skipped: engine }] }];
    }
    await using _open = engine;
    const { socketPath } = engine;
    const docker = await connectEngine(socketPath);
    const facts = await engineFacts(docker);
    say(`the executor image in ${facts.name} ${facts.version}`);
    const image = await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(IMAGE_MS)).catch(
      (error: unknown) => Promise.reject(new Error(engineMessage(error), { cause: error })),
    );
    const env = { LAUNCHER: 'container', CONTAINER_SOCKET: socketPath, EXECUTOR_IMAGE: image };
    await using server = await startRunloom({ redisUrl, env });
    const url = `http://127.0.0.1:${server.port}`;
    const bare: number[] = [];
    const first: number[] = [];
    // The first round fills caches of files and code, and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      if (round > 0) say(`${round}/${ROUNDS} a bare container, then a run`);
      const took = { bare: await bareMs(docker, image), first: await firstLineMs(url) };
      if (round === 0) continue;
      bare.push(took.bare);
      first.push(took.first);
    }
    const row = {
      engine: `${facts.name} ${facts.version}`,
      takes: ROUNDS,
      bareStartAndStopMs: median(bare),
      startToFirstLineMs: median(first),
      moreMs: median(first.map((ms, i) => ms - (bare[i] ?? Number.NaN))),
    };
    return [{ title: "From startRun to the first line, against the engine's bare start and stop", rows: [row] }];
  },
};
