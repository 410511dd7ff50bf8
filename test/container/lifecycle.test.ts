/** Runs in containers with an engine that can be cut off from the service. */
import { createServer, type Server, type Socket } from 'node:net';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { containerName } from '../../src/launchers/container/container.ts';
import { connectEngine } from '../../src/launchers/container/engine/engine.ts';
import { startRun } from '../support/clients/client.ts';
import { cuttableEngine } from '../support/engines/engines.ts';
import { cancelRun, expectOneEnd, loggedEvents, shell, untilEnd, untilRun } from '../support/runs/lifecycle.ts';
import { until } from '../support/runs/runs.ts';
import { startService, type TestService } from '../support/service.ts';

const engine = inject('engine');
const IGNORES_TERM = 'trap "" TERM; echo ready; while :; do sleep 0.05; done';

describe.skipIf(engine === null)('the life of a run in a container', () => {
  let docker: Docker;
  let socket: Awaited<ReturnType<typeof cuttableEngine>>;
  let service: TestService;
  let url = '';

  beforeAll(async () => {
    if (engine === null) return;
    docker = await connectEngine(engine.socketPath);
    socket = await cuttableEngine(engine.socketPath);
    const env = { LAUNCHER: 'container', CONTAINER_SOCKET: socket.path, EXECUTOR_IMAGE: engine.executorImage };
    // One test has a registry on loopback.
    const more = { EXECUTOR_NETWORK: 'none', CANCEL_GRACE_SECONDS: '1', ALLOWED_IMAGES: '*,127.0.0.1:*/*' };
    service = await startService({ env: { ...env, ...more } });
    url = service.url;
  }, 180_000);
  afterAll(async () => {
    await service?.stop();
    await socket?.[Symbol.asyncDispose]();
  });

  const ready = async (script: string, more = {}): Promise<string> => {
    const id = await startRun(url, shell(script, more));
    await untilRun(url, id, ({ lines }) => lines > 0);
    return id;
  };
  const container = (id: string) => docker.getContainer(containerName(id as Parameters<typeof containerName>[0], 1));
  /** The run has no container, running or ended. */
  const gone = (id: string) =>
    until(
      () => docker.listContainers({ all: true, filters: { label: [`runloom.run=${id}`] } }),
      (containers) => containers.length === 0,
      40_000,
    );

  test('a cancel during the image pull ends the run, whatever the registry does', async () => {
    const sockets = new Set<Socket>();
    const mute: Server = createServer((one) => {
      sockets.add(one.on('error', () => undefined).resume());
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    const id = await startRun(url, { command: ['true'], image: `127.0.0.1:${port}/of/nobody:1` });
    await until(
      () => loggedEvents(url, id),
      (events) => events.some(({ kind }) => kind === 'IMAGE_PULLING'),
    );
    await cancelRun(url, id, { reason: 'too slow' });
    const { run, events } = await expectOneEnd(url, id);
    expect(run).toMatchObject({ status: 'CANCELLED', failure: null, digest: null });
    expect(events.at(-1)?.message).toBe('Run CANCELLED: too slow');
    for (const one of sockets) one.destroy();
    mute.close();
  }, 90_000);

  test('a container that somebody else killed, removed or stopped is reported as what happened to it', async () => {
    const [killed, removed, stopped] = await Promise.all([
      ready('echo ready; sleep 600'),
      ready('echo ready; sleep 600'),
      ready('trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done'),
    ]);
    await container(killed).kill();
    // Podman's forced removal starts with a stop, which would end the run as stopped.
    await container(removed).kill();
    // The service can have removed it already.
    await container(removed)
      .remove({ force: true })
      .catch(({ statusCode }: { readonly statusCode?: number }) => expect(statusCode).toBe(404));
    await container(stopped).kill({ signal: 'SIGTERM' });
    const reasons = [];
    for (const id of [killed, removed, stopped]) reasons.push((await expectOneEnd(url, id)).run.failure?.reason);
    expect(reasons).toEqual(['EXECUTOR_LOST', 'EXECUTOR_LOST', 'SIGNALLED']);
    for (const id of [killed, removed, stopped]) await gone(id);
  }, 120_000);

  test('a cancel also kills a child that left the session and cleared its environment', async () => {
    const child = 'trap \\"\\" TERM; while :; do sleep 0.05; done';
    const id = await ready(`setsid env -i /bin/sh -c "${child}" & ${IGNORES_TERM}`);
    await cancelRun(url, id);
    expect((await expectOneEnd(url, id)).run).toMatchObject({ status: 'CANCELLED', exitCode: null });
    await gone(id);
  }, 90_000);

  test('if the engine is down, a start fails with LAUNCH_FAILED, and the next attempt succeeds when the engine is back', async () => {
    await socket.cut();
    const lost = await startRun(url, { command: ['true'] });
    expect((await expectOneEnd(url, lost)).run.failure?.reason).toBe('LAUNCH_FAILED');
    const id = await startRun(url, { command: ['true'], retry: { maxAttempts: 2, backoffSeconds: 2 } });
    await untilRun(url, id, ({ status, failure }) => status === 'PENDING' && failure?.reason === 'LAUNCH_FAILED');
    await socket.open();
    expect((await expectOneEnd(url, id)).run).toMatchObject({ status: 'COMPLETED', attempt: 2, failure: null });
  }, 120_000);

  test('if the engine is away, a run goes on, can be cancelled, and ends; its container is removed when the engine is back', async () => {
    const [ends, cancelled] = await Promise.all([ready('echo ready; sleep 1; echo done'), ready(IGNORES_TERM)]);
    await socket.cut();
    try {
      await cancelRun(url, cancelled);
      expect(await untilEnd(url, ends)).toMatchObject({ status: 'COMPLETED', lines: 2 });
      expect((await untilEnd(url, cancelled)).status).toBe('CANCELLED');
    } finally {
      await socket.open();
    }
    for (const id of [ends, cancelled]) {
      await expectOneEnd(url, id);
      await gone(id);
    }
  }, 120_000);
});
