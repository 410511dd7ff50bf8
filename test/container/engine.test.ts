/** The container launcher and its engine: networks, restarts of the engine, and what is left of containers. */
import type Docker from 'dockerode';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { containerName } from '../../src/launchers/container/container.ts';
import { connectEngine, UNTIL_STOPPED } from '../../src/launchers/container/engine/engine.ts';
import { kernelLogShowsOutOfMemory } from '../../src/launchers/container/evidence.ts';
import { ContainerLauncher } from '../../src/launchers/container/launcher.ts';
import { LaunchError } from '../../src/launchers/launcher.ts';
import { containerLauncher, cuttableEngine, REDIS_IN_CONTAINER } from '../support/engines/engines.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { carryOut, eventsOf, newAttempt, textOf } from '../support/runs/attempts.ts';
import { quiet, until } from '../support/runs/runs.ts';

const engine = inject('engine');
const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const quietly = (): void => undefined;

describe.skipIf(engine === null)('the container launcher', () => {
  let server: TestRedis;
  let redis: Redis;
  let docker: Docker;
  const launchers: ContainerLauncher[] = [];
  const open = async (more: Parameters<typeof containerLauncher>[2] = {}): Promise<ContainerLauncher> => {
    if (engine === null) throw new Error('no engine');
    const launcher = await containerLauncher(engine, server, more);
    launchers.push(launcher);
    return launcher;
  };
  const sh = (script: string) => newAttempt(redis, REDIS_IN_CONTAINER, { command: ['sh', '-c', script] });
  beforeAll(async () => {
    if (engine === null) return;
    server = await startRedis();
    redis = await server.connect();
    docker = await connectEngine(engine.socketPath);
  });
  afterAll(async () => {
    for (const launcher of launchers) await launcher.close();
    await server?.stop();
  });

  test('says which engine it uses, and is ready only after it is prepared', async () => {
    if (engine === null) return;
    const launcher = await open({ executorImage: null });
    expect(launcher.description).toMatch(/(Podman|Docker) \d/);
    expect(launcher.defaultImage).toMatch(/^localhost\/runloom-executor:[0-9a-f]{12}$/);
    expect(await launcher.unready()).toBeNull();
    const fresh = new ContainerLauncher({
      socketPath: '/nowhere/engine.sock',
      executorImage: null,
      network: 'none',
      redisMount: null,
      extraHosts: [],
      installationId: 'x',
      pidsLimit: 64,
      workspaceBytes: 1_000_000,
      allowedImages: null,
      pulledImages: { directory: '/nowhere', retentionMs: null, log: quiet },
    });
    expect(await fresh.unready()).not.toBeNull();
    await expect(fresh.prepare(quietly, soon())).rejects.toThrow();
    const spec = await sh('true');
    await expect(fresh.launch(spec, quietly, soon())).rejects.toBeInstanceOf(LaunchError);
  });

  test('gives each run its own network on a bridge', async () => {
    const launcher = await open({ network: 'bridge' });
    const { text } = await carryOut(launcher, redis, await sh('ls /sys/class/net'));
    expect(text.trim().split('\n').sort()).toEqual(['eth0', 'lo']);
  });

  test('starts a container that another launcher created and did not start', async () => {
    const launcher = await open();
    const spec = await sh('echo hello');
    const execution = await launcher.launch(await sh('true'), quietly, soon());
    const template = await docker.listContainers({ all: true, filters: { label: ['runloom.run'] } });
    expect(template.length).toBeGreaterThan(0);
    await execution.remove();
    // Created as the launcher creates it, by a launcher that dies before the start.
    const leaving = new AbortController();
    const name = containerName(spec.runId, 1);
    const made = launcher.launch(spec, () => leaving.abort(new Error('died')), leaving.signal);
    await expect(made).rejects.toThrow('died');
    await docker.createContainer({ name, Image: engine?.executorImage ?? '', Entrypoint: ['true'], Labels: {} });
    const steps: string[] = [];
    const found = await launcher.launch(spec, (step) => steps.push(step.kind), soon());
    expect(steps).toEqual(['FOUND']);
    expect(await found.wait(soon())).toMatchObject({ exitCode: 0 });
    await found.remove();
  });

  test('keeps waiting while the engine is away, and reports the end afterwards', async () => {
    if (engine === null) return;
    await using socket = await cuttableEngine(engine.socketPath);
    const launcher = await open({ socketPath: socket.path });
    const spec = await sh('echo ready; sleep 1; echo done');
    const execution = await launcher.launch(spec, quietly, soon());
    const waiting = execution.wait(soon());
    await until(
      async () => textOf(await eventsOf(redis, spec.runId)),
      (text) => text.includes('ready'),
    );
    await socket.cut();
    expect(await launcher.unready()).not.toBeNull();
    await until(
      async () => textOf(await eventsOf(redis, spec.runId)),
      (text) => text.includes('done'),
    );
    await socket.open();
    expect(await waiting).toMatchObject({ exitCode: 0 });
    await execution.remove();
  });

  test('does not claim to know how a container ended that was removed by somebody else', async () => {
    const launcher = await open();
    const spec = await sh('sleep 20');
    const execution = await launcher.launch(spec, quietly, soon());
    await docker.getContainer(containerName(spec.runId, 1)).remove({ force: true });
    expect(await execution.wait(soon())).toMatchObject({ outOfMemory: false });
    await execution.stop(0);
    await execution.remove();
  });

  test('learns from the kernel that the executor itself was killed because memory ran out', async () => {
    const launcher = await open();
    const name = `runloom-oom-${crypto.randomUUID()}`;
    const container = await docker.createContainer({
      name,
      Image: launcher.defaultImage,
      Entrypoint: ['node', '-e', 'const hold = []; for (;;) hold.push(Buffer.alloc(8 << 20, 1));'],
      User: '0:0',
      HostConfig: { Memory: 96 << 20, MemorySwap: 96 << 20, NetworkMode: 'none' },
    });
    try {
      await container.start();
      await container.wait({ ...UNTIL_STOPPED });
      expect((await container.inspect()).State.ExitCode).toBe(137);
      await until(async () => kernelLogShowsOutOfMemory(container.id), Boolean);
      expect(kernelLogShowsOutOfMemory('f'.repeat(64))).not.toBe(true);
    } finally {
      await container.remove({ force: true });
    }
  });

  test('an out-of-memory kill that the command survived is not reported as the cause when its container is killed later', async () => {
    const launcher = await open();
    const spec = await newAttempt(redis, REDIS_IN_CONTAINER, {
      command: ['sh', '-c', '(x=0123456789abcdef; while :; do x="$x$x"; done) & wait; sleep 60'],
      resources: { memoryMb: 128, cpus: null },
    });
    const execution = await launcher.launch(spec, quietly, soon());
    const ended = execution.wait(soon());
    await until(
      () => eventsOf(redis, spec.runId),
      (events) => events.some((event) => event.kind === 'ContainerEvent' && event.containerEvent === 'OUT_OF_MEMORY'),
      20_000,
    );
    await docker.getContainer(containerName(spec.runId, 1)).kill({ signal: 'SIGKILL' });
    expect(await ended).toEqual({ exitCode: 137, signal: 'SIGKILL', outOfMemory: false });
    await execution.remove();
  });

  test('refuses an invalid image name, and an image that cannot be pulled', async () => {
    const launcher = await open();
    for (const image of [
      '../containers/json',
      'a b',
      'x?y=z',
      'UPPER/../case',
      '',
      '-rf',
      'localhost/not-here:1',
      'no-such-image',
    ]) {
      const spec = await newAttempt(redis, REDIS_IN_CONTAINER, { command: ['true'], image });
      const refusal = await launcher.launch(spec, quietly, soon()).catch((error: unknown) => error);
      expect(refusal, image).toMatchObject({ name: 'LaunchError', reason: 'IMAGE_UNAVAILABLE' });
    }
  });

  test('leaves no container behind, and no volume but the one that carries the executor', async () => {
    const launcher = await open();
    const volumes = async (): Promise<readonly string[]> =>
      ((await docker.listVolumes()).Volumes ?? []).map((volume) => volume.Name).sort();
    const before = await volumes();
    const spec = await newAttempt(redis, REDIS_IN_CONTAINER, {
      command: ['/bin/busybox', 'true'],
      image: 'localhost/awkward:1',
    });
    await carryOut(launcher, redis, spec);
    expect(await volumes()).toEqual(before);
    expect(await launcher.list()).toEqual([]);
    const all = await docker.listContainers({ all: true });
    expect(all.filter((one) => one.Names.some((name) => /runloom-(probe|fill)/.test(name)))).toEqual([]);
  });

  test('sends the engine three requests to start a run of the default image', async () => {
    if (engine === null) return;
    await using socket = await cuttableEngine(engine.socketPath);
    const launcher = await open({ socketPath: socket.path });
    const before = socket.asked.length;
    const spec = await sh('echo first');
    const execution = await launcher.launch(spec, quietly, soon());
    const name = containerName(spec.runId, 1);
    expect(socket.asked.slice(before).map((line) => line.replace(/\?.*/, ''))).toEqual([
      `GET /containers/${name}/json`,
      'POST /containers/create',
      `POST /containers/${name}/start`,
    ]);
    expect(await execution.wait(soon())).toMatchObject({ exitCode: 0 });
    await execution.remove();
  });
});
