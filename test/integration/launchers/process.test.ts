/**
 * What the process launcher promises beyond the suite of all launchers: services that die, and what they leave behind.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newRunId } from '../../../src/domain/ids.ts';
import type { LaunchSpec } from '../../../src/launchers/launcher.ts';
import { ProcessLauncher } from '../../../src/launchers/process/launcher.ts';
import { AttemptStates } from '../../../src/launchers/process/state.ts';
import { identify, isRunning } from '../../../src/system/processIdentity.ts';
import { until } from '../../support/runs/runs.ts';

const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const quietly = (): void => undefined;

/** A launcher whose executor is the given program. */
const bench = async (program: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-attempts-'));
  const executor = join(directory, 'executor.mjs');
  await writeFile(executor, program);
  const stateDirectory = join(directory, 'attempts');
  const open = (): ProcessLauncher =>
    new ProcessLauncher({ stateDirectory, executor, environment: { PATH: process.env.PATH ?? '' } });
  const launcher = open();
  await launcher.prepare(quietly, soon());
  return {
    launcher,
    open,
    stateDirectory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
};

const specOf = (): LaunchSpec => {
  const runId = newRunId();
  return {
    runId,
    attempt: 1,
    image: null,
    resources: { cpus: null, memoryMb: null },
    stopGraceMs: 1000,
    environment: { RUN_ID: runId, RUN_ATTEMPT: '1', REDIS_URL: 'redis://none', RUN_KEY: 'key' },
  };
};

const STAYS = 'setInterval(() => undefined, 1000);';

test('reports how its own child ended, also if asked again later', async () => {
  await using it = await bench('process.exitCode = 7;');
  const spec = specOf();
  const execution = await it.launcher.launch(spec, quietly, soon());
  expect(await execution.wait(soon())).toEqual({ exitCode: 7, signal: null, outOfMemory: false });
  const again = await it.launcher.find(spec.runId, 1);
  expect(await again?.wait(soon())).toEqual({ exitCode: 7, signal: null, outOfMemory: false });
  await again?.remove();
});

test('knows that an executor was killed', async () => {
  await using it = await bench(STAYS);
  const spec = specOf();
  const execution = await it.launcher.launch(spec, quietly, soon());
  const state = await new AttemptStates(it.stateDirectory).read(spec.runId, 1);
  process.kill(state?.executor?.pid ?? 0, 'SIGKILL');
  expect(await execution.wait(soon())).toEqual({ exitCode: null, signal: 'SIGKILL', outOfMemory: false });
  await execution.remove();
});

test('takes over from a service that died before it recorded the process that it had started', async () => {
  await using it = await bench(STAYS);
  const spec = specOf();
  const dead = { pid: 2 ** 22, started: 'long ago' };
  const states = new AttemptStates(it.stateDirectory);
  expect(await states.take(spec.runId, 1, { starter: dead, executor: null })).toBe(true);
  const orphan = spawn(process.execPath, ['-e', STAYS], {
    env: { ...spec.environment },
    detached: true,
    stdio: 'ignore',
  });
  const { pid = 0 } = orphan;
  await until(
    async () => identify(pid),
    (identity) => identity !== null,
  );
  const steps: string[] = [];
  const execution = await it.launcher.launch(spec, (step) => steps.push(step.kind), soon());
  expect(steps).toEqual(['FOUND']);
  expect((await states.read(spec.runId, 1))?.executor?.pid).toBe(pid);
  await execution.stop(0);
  expect(identify(pid)).toBeNull();
  await execution.remove();
});

test('finds an executor that a service with another DATA_DIR started, and does not mistake a command for an executor', async () => {
  await using it = await bench(STAYS);
  await using other = await bench(STAYS);
  const spec = specOf();
  const { RUN_KEY: _, ...variables } = spec.environment;
  const command = spawn(process.execPath, ['-e', STAYS], { env: { ...variables }, stdio: 'ignore' });
  await until(
    async () => identify(command.pid ?? 0),
    (identity) => identity !== null,
  );
  expect(await it.launcher.find(spec.runId, 1)).toBeNull();
  const execution = await other.launcher.launch(spec, quietly, soon());
  const found = await it.launcher.find(spec.runId, 1);
  await found?.remove();
  expect(await execution.wait(soon())).toMatchObject({ signal: 'SIGKILL' });
  expect(identify(command.pid ?? 0)).toBeNull();
  expect(await it.launcher.find(spec.runId, 1)).toBeNull();
});

test('starts an executor if a service died before it had started one', async () => {
  await using it = await bench('process.exitCode = 5;');
  const spec = specOf();
  const dead = { pid: 2 ** 22, started: 'long ago' };
  await new AttemptStates(it.stateDirectory).take(spec.runId, 1, { starter: dead, executor: null });
  const steps: string[] = [];
  const execution = await it.launcher.launch(spec, (step) => steps.push(step.kind), soon());
  expect(steps).toEqual(['CREATED']);
  expect(await execution.wait(soon())).toMatchObject({ exitCode: 5 });
  await execution.remove();
  expect(await readdir(it.stateDirectory)).toEqual([]);
});

test('does not mistake another process with the same pid for its own', async () => {
  const self = identify(process.pid);
  expect(self === null ? false : isRunning(self)).toBe(true);
  expect(isRunning({ pid: process.pid, started: 'another time' })).toBe(false);
});

test('refuses an image, and leaves nothing behind', async () => {
  await using it = await bench(STAYS);
  const launcher = it.open();
  const spec = { ...specOf(), image: 'busybox' };
  await expect(launcher.launch(spec, quietly, soon())).rejects.toMatchObject({ reason: 'IMAGE_UNAVAILABLE' });
  expect(await launcher.list()).toEqual([]);
});
