/** How containers reach the Redis of a real service. */
import { type AddressInfo, createServer } from 'node:net';
import { expect, inject, test, vi } from 'vitest';
import { processesNaming } from '../support/engines/podman.ts';
import { startRedis } from '../support/redis/redis.ts';
import { ask, dataDirectory, spawnService } from '../support/startedService.ts';

const engine = inject('engine');
const START_RUN = 'mutation($command: [String!]!) { startRun(input: { command: $command }) { run { id } } }';
const RUN = 'query($id: ID!) { run(id: $id) { status exitCode failure { reason message } } }';

/** Runs a command and returns its log.txt. */
const runToEnd = async (address: string, command: readonly string[]): Promise<string> => {
  const { startRun } = (await ask(address, START_RUN, { command })) as { startRun: { run: { id: string } } };
  const { id } = startRun.run;
  const end = await vi.waitUntil(
    async () => {
      const { run } = (await ask(address, RUN, { id })) as { run: { status: string } };
      return ['COMPLETED', 'FAILED'].includes(run.status) ? run : null;
    },
    { timeout: 50_000, interval: 200 },
  );
  expect(end).toEqual({ status: 'COMPLETED', exitCode: 0, failure: null });
  return await (await fetch(`${address}/runs/${id}/log.txt`)).text();
};

/** The command is another user than the executor, and can't enter the directory of the socket. */
const LOOK = [
  'sh',
  '-c',
  "d=$(cut -d' ' -f5 /proc/self/mountinfo | grep '/run/runloom-redis$'); ls $d 2>&1; cat $d/* 2>&1; echo uid $(id -u); true",
];

test.skipIf(engine === null)(
  'containers reach the private Redis through its mounted directory, and commands do not',
  async () => {
    await using data = await dataDirectory();
    const env = {
      DATA_DIR: data.path,
      LAUNCHER: 'auto',
      CONTAINER_SOCKET: engine?.socketPath ?? '',
      EXECUTOR_IMAGE: engine?.executorImage ?? '',
    };
    await using service = spawnService({ env });
    const address = await service.address();
    expect(service.out()).toMatch(/^Launcher: container; the engine on .* answers$/m);
    const seen = await runToEnd(address, LOOK);
    expect(seen).toMatch(/ermission denied/);
    expect(seen).not.toContain('redis.sock\n');
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  },
  120_000,
);

test.skipIf(engine === null)(
  'containers without any network reach an operator’s Redis on loopback through the relay',
  async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    await using redis = await startRedis({ config: ['--port', String(port), '--bind', '127.0.0.1'] });
    await using data = await dataDirectory();
    const env = {
      DATA_DIR: data.path,
      REDIS_URL: `redis://127.0.0.1:${port}`,
      LAUNCHER: 'container',
      CONTAINER_SOCKET: engine?.socketPath ?? '',
      EXECUTOR_IMAGE: engine?.executorImage ?? '',
      EXECUTOR_NETWORK: 'none',
      XDG_RUNTIME_DIR: data.path,
    };
    await using service = spawnService({ env });
    const seen = await runToEnd(await service.address(), LOOK);
    expect(redis.pid).toBeGreaterThan(0);
    expect(seen).toMatch(/ermission denied/);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    // The relay is meant to go on after the service has ended.
    for (const pid of await processesNaming(data.path)) process.kill(pid, 'SIGTERM');
  },
  120_000,
);

test.skipIf(engine === null)(
  "if a launch fails, the log has the engine's answer once, and the client sees none of the engine's text",
  async () => {
    await using data = await dataDirectory();
    const env = { DATA_DIR: data.path, CONTAINER_SOCKET: engine?.socketPath ?? '', LAUNCHER: 'container' };
    await using service = spawnService({ env: { ...env, EXECUTOR_IMAGE: engine?.executorImage ?? '' } });
    const address = await service.address();
    const input = { command: ['true'], image: 'registry.invalid/there-is-no-such-image:1' };
    const start = 'mutation($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
    const { startRun } = (await ask(address, start, { input })) as { startRun: { run: { id: string } } };
    const { id } = startRun.run;
    const end = await vi.waitUntil(
      async () => {
        const { run } = (await ask(address, RUN, { id })) as { run: { status: string; failure: { message: string } } };
        return run.status === 'FAILED' ? run : null;
      },
      { timeout: 50_000, interval: 200 },
    );
    const logged = service
      .out()
      .split('\n')
      .filter((line) => line.includes(id) && line.includes('"err"'))
      .map((line) => JSON.parse(line) as { err: { cause: { message: string } } });
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({ runId: id, attempt: 1, reason: 'IMAGE_UNAVAILABLE' });
    expect(logged[0]?.err.cause.message).toMatch(/HTTP code \d+|dial|lookup|refused|not known|manifest|pull/i);
    expect(end.failure.message).not.toMatch(/HTTP code|dial|lookup/);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  },
  120_000,
);
