/** What a run in a container costs: the time to its first line, beside the time to start and stop a bare container. */
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
/** Podman checks every 250 ms by default, which would make the bare container look slow. */
const STOPPED = { condition: 'not-running', interval: '10ms' } as const;

const NOTE =
  '"bare container ms" is the time to create, start and end a container of the same image without runloom. A run can ' +
  'be faster than that, because its first line comes before its container ends.';

interface Engine extends AsyncDisposable {
  readonly socketPath: string;
}

/** The engine that the service would use, else a private Podman; if there is neither, the reason. */
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

/** Time to create a container of the same image, start it and see it end; without its removal. ms. */
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
    say(`building the executor image in ${facts.name} ${facts.version}`);
    const image = await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(IMAGE_MS)).catch(
      (error: unknown) => Promise.reject(new Error(engineMessage(error), { cause: error })),
    );
    const env = { LAUNCHER: 'container', CONTAINER_SOCKET: socketPath, EXECUTOR_IMAGE: image };
    await using server = await startRunloom({ redisUrl, env });
    const url = `http://127.0.0.1:${server.port}`;
    const bare: number[] = [];
    const first: number[] = [];
    // The first round only fills caches.
    for (let round = 0; round <= ROUNDS; round += 1) {
      if (round > 0) say(`${round}/${ROUNDS} a bare container, then a run`);
      const took = { bare: await bareMs(docker, image), first: await firstLineMs(url) };
      if (round === 0) continue;
      bare.push(took.bare);
      first.push(took.first);
    }
    const row = {
      engine: `${facts.name} ${facts.version}`,
      samples: ROUNDS,
      bareContainerMs: median(bare),
      startToFirstLineMs: median(first),
      differenceMs: median(first.map((ms, i) => ms - (bare[i] ?? Number.NaN))),
    };
    return [{ title: 'From startRun to the first line, in a container', note: NOTE, rows: [row] }];
  },
};
