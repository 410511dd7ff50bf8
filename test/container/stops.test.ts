/** How a command in a container is stopped: which signal, to which processes, and how long they have. */
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { containerName } from '../../src/launchers/container/container.ts';
import { connectEngine } from '../../src/launchers/container/engine/engine.ts';
import { readSteps } from '../../src/launchers/container/image/steps.ts';
import { startRun } from '../support/clients/client.ts';
import { cancelRun, expectOneEnd, type LoggedEvent, untilRun } from '../support/runs/lifecycle.ts';
import { startService, type TestService } from '../support/service.ts';

const engine = inject('engine');
/** Prints each TERM, and exits 1.5 s after the first. */
const SLOW = `let n = 0; process.on("SIGTERM", () => { console.log("TERM " + ++n);
  if (n === 1) setTimeout(() => { console.log("clean"); process.exit(0); }, 1500); });
  setInterval(() => 0, 1000); console.log("ready");`;

describe.skipIf(engine === null)('stopping a command in a container', () => {
  let docker: Docker;
  let service: TestService;
  beforeAll(async () => {
    if (engine === null) return;
    docker = await connectEngine(engine.socketPath);
    const env = { LAUNCHER: 'container', CONTAINER_SOCKET: engine.socketPath, EXECUTOR_IMAGE: engine.executorImage };
    // Longer than any test: a command that ends was not killed at the end of the grace period.
    service = await startService({ env: { ...env, EXECUTOR_NETWORK: 'none', CANCEL_GRACE_SECONDS: '600' } });
  }, 180_000);
  afterAll(() => service?.stop());

  const imageWith = async (name: string, stopSignal: string): Promise<string> => {
    const context = pack();
    context.entry({ name: 'Dockerfile' }, `FROM localhost/only-busybox:1\nSTOPSIGNAL ${stopSignal}\n`);
    context.finalize();
    await readSteps(await docker.buildImage(context, { t: name }), () => undefined);
    return name;
  };
  const ready = async (command: readonly string[], more = {}): Promise<string> => {
    const id = await startRun(service.url, { command, ...more });
    await untilRun(service.url, id, ({ lines }) => lines > 0);
    return id;
  };
  const told = (events: readonly LoggedEvent[]): unknown[] =>
    events.flatMap((event) => (event.__typename === 'LogLine' ? [event.message] : []));

  test.each([
    ['a shell', `node -e '${SLOW}'; echo after`],
    ['a wrapper that forwards the signal', `trap 'kill -TERM $p; wait $p' TERM; node -e '${SLOW}' & p=$!; wait $p`],
    ['a child in its own session', `setsid node -e '${SLOW}' & sleep 600`],
    ['a filter', `node -e '${SLOW}' | cat; echo after`],
  ])('a program below %s gets one SIGTERM and has the grace period to end', async (_what, script) => {
    const id = await ready(['sh', '-c', script]);
    await cancelRun(service.url, id);
    const { run, events } = await expectOneEnd(service.url, id);
    expect(told(events).filter((line) => line !== 'Terminated')).toEqual(['ready', 'TERM 1', 'clean']);
    expect(run.status).toBe('CANCELLED');
  });

  test.each([
    ['SIGQUIT', 3],
    ['SIGRTMIN+3', 37],
    ['10', 10],
  ])('W13: the command gets the STOPSIGNAL %s of its image', async (name, number) => {
    const image = await imageWith(`localhost/stops-with-${number}:1`, name);
    const script = `trap "echo got ${number}; exit 0" ${number}; trap "echo TERM" 15; echo ready; while :; do busybox sleep 0.1; done`;
    const id = await ready(['/bin/busybox', 'sh', '-c', script], { image });
    await cancelRun(service.url, id);
    const { run, events } = await expectOneEnd(service.url, id);
    expect(told(events)).toEqual(['ready', `got ${number}`]);
    expect(run).toMatchObject({ status: 'CANCELLED', exitCode: 0 });
  });

  test('when the engine is asked to stop the container, it waits for the grace period', async () => {
    const id = await ready(['sh', '-c', `node -e '${SLOW}'; echo after`]);
    const container = docker.getContainer(containerName(id as Parameters<typeof containerName>[0], 1));
    const { Config: config } = await container.inspect();
    expect((config as { StopTimeout?: number }).StopTimeout).toBeGreaterThanOrEqual(600);
    await container.stop().catch(() => undefined);
    const { run, events } = await expectOneEnd(service.url, id);
    expect(told(events).filter((line) => line !== 'Terminated')).toEqual(['ready', 'TERM 1', 'clean']);
    expect(run).toMatchObject({ status: 'FAILED', failure: { reason: 'SIGNALLED' } });
  });

  test('W12, W12a: in a container, output through a filter is complete, and processes that hold the pipes are killed', async () => {
    const filter = 'mkfifo f; { sleep 0.3; sed s/x/x/; } < f & exec > f 2>&1';
    const whole = await ready(['sh', '-c', `${filter}; for i in 1 2 3; do echo line $i; done; echo FINAL`]);
    expect(told((await expectOneEnd(service.url, whole)).events)).toEqual(['line 1', 'line 2', 'line 3', 'FINAL']);
    const held = await ready(['sh', '-c', 'sleep 600 & echo done']);
    expect((await expectOneEnd(service.url, held)).run).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  });
});
