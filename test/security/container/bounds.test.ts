/** Every run has limits for memory, CPU, processes and files, whether or not the caller sets any. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine, engineFacts } from '../../../src/launchers/container/engine/engine.ts';
import type { ContainerLauncher } from '../../../src/launchers/container/launcher.ts';
import { containerLauncher, REDIS_IN_CONTAINER } from '../../support/engines/engines.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { carryOut, newAttempt } from '../../support/runs/attempts.ts';
import { until } from '../../support/runs/runs.ts';
import { ask, dataDirectory, spawnService } from '../../support/startedService.ts';

const engine = inject('engine');
const START = 'mutation($input: StartRunInput!) { startRun(input: $input) { run { id resources { cpus memoryMb } } } }';
const RUN = 'query($id: ID!) { run(id: $id) { status timeoutSeconds resources { cpus memoryMb } } }';

interface Started {
  readonly startRun: { readonly run: { readonly id: string; readonly resources: unknown } };
}
interface Seen {
  readonly run: { readonly status: string; readonly timeoutSeconds: number | null; readonly resources: unknown };
}

const LOOK = [
  'sh',
  '-c',
  `cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes
   cut -d' ' -f1 /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us`,
];

describe.skipIf(engine === null)('the limits of a run', () => {
  test('have defaults, are shown in Run.resources, and cannot exceed the maximum', async () => {
    await using data = await dataDirectory();
    const env = {
      DATA_DIR: data.path,
      LAUNCHER: 'container',
      CONTAINER_SOCKET: engine?.socketPath ?? '',
      EXECUTOR_IMAGE: engine?.executorImage ?? '',
      DEFAULT_MEMORY_MB: '200',
      DEFAULT_CPUS: '0.75',
      MAX_MEMORY_MB: '256',
      MAX_CPUS: '1.5',
      MAX_TIMEOUT_SECONDS: '500',
    };
    await using service = spawnService({ env });
    const address = await service.address();
    const { startRun } = (await ask(address, START, { input: { command: LOOK } })) as unknown as Started;
    const { id, resources } = startRun.run;
    expect(resources).toEqual({ cpus: 0.75, memoryMb: 200 });
    const { run } = await until(
      async () => (await ask(address, RUN, { id })) as unknown as Seen,
      (seen) => ['COMPLETED', 'FAILED'].includes(seen.run.status),
      50_000,
    );
    expect(run).toEqual({ status: 'COMPLETED', timeoutSeconds: 500, resources: { cpus: 0.75, memoryMb: 200 } });
    const text = await (await fetch(`${address}/runs/${id}/log.txt`)).text();
    expect(text).toBe(`${200 * 1024 * 1024}\n75000\n`);

    const over = { command: ['true'], resources: { memoryMb: 257, cpus: 2 }, timeoutSeconds: 501 };
    const response = await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: START, variables: { input: over } }),
    });
    const { errors } = (await response.json()) as { errors: { extensions: { code: string; problems: unknown[] } }[] };
    expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(JSON.stringify(errors[0]?.extensions.problems)).toMatch(/256.*1\.5.*500/);
    expect(service.out()).not.toContain('does not limit');
    service.child.kill('SIGTERM');
    await service.ended;
  }, 120_000);

  describe('inside', () => {
    let server: TestRedis;
    let redis: Redis;
    let launcher: ContainerLauncher;
    beforeAll(async () => {
      if (engine === null) return;
      server = await startRedis();
      redis = await server.connect();
      launcher = await containerLauncher(engine, server);
    });
    afterAll(async () => {
      await launcher?.close();
      await server?.stop();
    });

    test('also apply to empty files, if the engine supports it', async () => {
      const docker = await connectEngine(engine?.socketPath ?? '');
      const { name } = await engineFacts(docker);
      const command = ['sh', '-c', "df -i /workspace /tmp | awk 'NR > 1 { print $2 }'"];
      const { text } = await carryOut(launcher, redis, await newAttempt(redis, REDIS_IN_CONTAINER, { command }));
      // 32 MiB in these tests. Podman has no such option; there the memory limit of the run applies.
      if (name === 'Docker') expect(text).toBe('8192\n8192\n');
      expect(launcher.enforces).toMatchObject({ memory: true, cpus: true });
    });
  });
});
