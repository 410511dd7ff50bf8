/** Every file that the executor opens during a run is its own, or one that it is meant to see. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import { ensureExecutorImage } from '../../../src/launchers/container/image/executorImage.ts';
import { INHERITED } from '../../../src/wire/executorRoot.ts';
import { containerLauncher, REDIS_IN_CONTAINER } from '../../support/engines/engines.ts';
import { importImage } from '../../support/engines/images.ts';
import { startPodman, type TestPodman } from '../../support/engines/podman.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { carryOut, newAttempt } from '../../support/runs/attempts.ts';
import { type OpenedFile, openedFiles, tracingRuntime } from '../../support/traced.ts';

const engine = inject('engine');
/** The only paths in the root of the image that the first process and `enter` name. */
const SEEN_IN_IMAGE = new Set<string>([
  ...Object.values(INHERITED).map(({ path }) => path),
  ...['/workspace', '/tmp', '/proc/self/oom_score_adj', '.'],
]);
/** The paths that can exist in the executor's own root; libraries and Node.js look for others, which do not exist. */
const FOUND_IN_ITS_OWN =
  /^\/(opt\/runloom(\/.*)?|run\/runloom(\/.*)?|run\/runloom-redis(\/.*)?|\.complete|etc\/(nsswitch\.conf|hosts|resolv\.conf)|opt|run|etc|)$/;

/** Node.js asks once for the path of its working directory; getcwd(3) then goes up and reads names of directories. */
const GETCWD = new Set(['getcwd (unreachable)/proc', 'openat ..']);
/**
 * Paths in /proc, by its name or relative to the working directory, which is /proc for the executor; never out of it.
 */
const IN_PROC = /^(\/proc|\.|self|\d+)(\/(?!\.\.)[^/]+)*$/;

const freePort = async (): Promise<number> => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
};

// Uses its own Podman, whichever engine is tested, because the runtime must be wrapped.
describe.skipIf(engine === null)('the files that the executor opens', () => {
  let traces = '';
  let podman: TestPodman;
  let docker: Docker;
  let executorImage = '';
  beforeAll(async () => {
    traces = await mkdtemp(join(tmpdir(), 'rl-traces-'));
    await writeFile(join(traces, 'traced-runc'), tracingRuntime(traces));
    await chmod(join(traces, 'traced-runc'), 0o755);
    podman = await startPodman();
    docker = await connectEngine(podman.socketPath);
    executorImage = await ensureExecutorImage({ docker }, () => undefined, AbortSignal.timeout(150_000));
    await podman.restart(join(traces, 'traced-runc'));
    await importImage(docker, 'localhost/traced:1', [], ['USER 1000:1000', 'ENV LD_PRELOAD=/x.so']);
  }, 180_000);
  afterAll(async () => {
    await podman?.stop();
    await rm(traces, { recursive: true, force: true });
  });

  /**
   * Runs a command that works, one that cannot be started, and one in another image, each to the end of its executor.
   */
  const traceRuns = async (server: TestRedis, network: string, redisUrl: string): Promise<readonly OpenedFile[]> => {
    const byName = network === 'none' ? {} : { redisMount: null };
    const given = { socketPath: podman.socketPath, executorImage };
    const launcher = await containerLauncher(given, server, { network, ...byName });
    const redis = await server.connect();
    const commands = [['sh', '-c', 'echo alive; echo to >/dev/stderr'], ['no-such-program']];
    const image = 'localhost/traced:1';
    const options = [
      ...commands.map((command) => ({ command })),
      { command: ['/bin/busybox', 'echo', 'alive'], image },
    ];
    for (const one of options) {
      const spec = await newAttempt(redis, redisUrl, { ...one, changes: { lingerMs: 500 } });
      const { end } = await carryOut(launcher, redis, spec);
      expect(end?.failure?.reason ?? 'NONE').toBe(
        one.command[0] === 'no-such-program' ? 'COMMAND_NOT_STARTED' : 'NONE',
      );
    }
    await launcher.close();
    return await openedFiles(traces);
  };

  /** The files that are neither the executor's own nor meant to be seen by it. */
  const strange = (files: readonly OpenedFile[]): readonly string[] => {
    const odd = files.filter(({ root, path, succeeded, call }) => {
      if (GETCWD.has(`${call} ${path}`)) return false;
      if (root === 'executor') return succeeded && !FOUND_IN_ITS_OWN.test(path) && !IN_PROC.test(path);
      return (
        !IN_PROC.test(path) &&
        !SEEN_IN_IMAGE.has(path) &&
        !path.startsWith('/.runloom-') &&
        !(call === 'execve' || call === 'faccessat')
      );
    });
    return [...new Set(odd.map(({ root, call, path }) => `${root}: ${call} ${path}`))];
  };

  test('are its own and those that it is meant to see, with Redis on a socket and by name', async () => {
    const port = await freePort();
    await using server = await startRedis({ config: ['--port', String(port), '--bind', '127.0.0.1'] });
    const bySocket = await traceRuns(server, 'none', REDIS_IN_CONTAINER);
    expect(strange(bySocket)).toEqual([]);
    const opened = (files: readonly OpenedFile[], root: OpenedFile['root']): Set<string> =>
      new Set(files.filter((file) => file.root === root && file.succeeded).map(({ path }) => path));
    // The trace is complete: it has the start, the executor, the FIFOs and the way back.
    expect([...opened(bySocket, 'image')]).toEqual(
      expect.arrayContaining(['/', '/proc/1/environ', '/workspace', '/proc/self/oom_score_adj']),
    );
    expect([...opened(bySocket, 'executor')]).toEqual(
      expect.arrayContaining(['/opt/runloom/executor.mjs', '/opt/runloom/lib/libc.so.6', '/run/runloom/stdout']),
    );
    const byName = await traceRuns(server, 'host', `redis://localhost:${port}`);
    expect(strange(byName)).toEqual([]);
    expect([...opened(byName, 'executor')]).toEqual(expect.arrayContaining(['/etc/nsswitch.conf', '/etc/hosts']));
  }, 170_000);
});
