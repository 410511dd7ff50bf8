/** The contract of launchers (src/launchers/launcher.ts): one suite over every real launcher. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newRunId } from '../../src/domain/ids.ts';
import { type Execution, LaunchError, type Launcher, type LaunchSpec } from '../../src/launchers/launcher.ts';
import { ProcessLauncher } from '../../src/launchers/process/launcher.ts';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { containerLauncher, REDIS_IN_CONTAINER } from '../support/engines/engines.ts';
import { processesNaming } from '../support/engines/podman.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { type AttemptOptions, carryOut, eventsOf, newAttempt, textOf } from '../support/runs/attempts.ts';
import { until } from '../support/runs/runs.ts';

const engine = inject('engine');
const quietly = (): void => undefined;
const soon = (): AbortSignal => AbortSignal.timeout(30_000);

interface Bench {
  readonly launcher: Launcher;
  /** The launcher of another service of the same installation. */
  readonly other: Launcher;
  readonly redisUrl: string;
  close(): Promise<void>;
}

const processBench = async (server: TestRedis): Promise<Bench> => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'rl-attempts-'));
  const open = (): Launcher => new ProcessLauncher({ stateDirectory, environment: { PATH: process.env.PATH ?? '' } });
  const launcher = open();
  await launcher.prepare(quietly, soon());
  return {
    launcher,
    other: open(),
    redisUrl: server.url,
    close: () => rm(stateDirectory, { recursive: true, force: true }),
  };
};

const containerBench = async (server: TestRedis): Promise<Bench> => {
  if (engine === null) throw new Error('no engine');
  const installationId = crypto.randomUUID();
  const launcher = await containerLauncher(engine, server, { installationId });
  const other = await containerLauncher(engine, server, { installationId });
  return { launcher, other, redisUrl: REDIS_IN_CONTAINER, close: async () => undefined };
};

describe.for([
  { kind: 'process', open: processBench, skip: false },
  { kind: 'container', open: containerBench, skip: engine === null },
] as const)('the $kind launcher', ({ kind, open, skip }) => {
  const it = test.skipIf(skip);
  let server: TestRedis;
  let redis: Redis;
  let bench: Bench;
  beforeAll(async () => {
    if (skip) return;
    server = await startRedis();
    redis = await server.connect();
    bench = await open(server);
  }, 180_000);
  afterAll(async () => {
    await bench?.launcher.close();
    await bench?.close();
    await server?.stop();
  });
  const attempt = (options: AttemptOptions): Promise<LaunchSpec> => newAttempt(redis, bench.redisUrl, options);
  const shell = (script: string): AttemptOptions => ({ command: ['sh', '-c', script] });
  const untilPrinted = (spec: LaunchSpec, text: string): Promise<string> =>
    until(
      async () => textOf(await eventsOf(redis, spec.runId)),
      (all) => all.includes(text),
    );

  it('executes an attempt, and leaves nothing of it after remove()', async () => {
    const spec = await attempt(shell('echo out; echo err >&2; exit 3'));
    const { text, end, steps, execution } = await carryOut(bench.launcher, redis, spec);
    expect(text.split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(end).toMatchObject({ status: 'FAILED', exitCode: 3 });
    expect(steps.map((step) => step.kind)).toEqual(['CREATED']);
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
    expect(await bench.launcher.list()).toEqual([]);
    await execution.remove();
    await execution.stop(0);
  });

  it('reports how the executor ended', async () => {
    const spec = await attempt(shell('exit 3'));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    // The exit code of the command is in the log. The executor itself succeeded.
    expect(await execution.wait(soon())).toEqual({ exitCode: 0, signal: null, outOfMemory: false });
    expect(await execution.wait(soon())).toMatchObject({ exitCode: 0 });
    await execution.remove();
  });

  it('starts an attempt once, also if launch() is called several times, or by another service', async () => {
    const spec = await attempt(shell('echo started; sleep 20'));
    const kinds: string[] = [];
    const launch = (launcher: Launcher) => launcher.launch(spec, (step) => kinds.push(step.kind), soon());
    const executions: Execution[] = await Promise.all([bench.launcher, bench.other, bench.launcher].map(launch));
    await untilPrinted(spec, 'started');
    executions.push(await launch(bench.other));
    expect(kinds.sort()).toEqual(['CREATED', 'FOUND', 'FOUND', 'FOUND']);
    expect(await bench.other.list()).toEqual([{ runId: spec.runId, attempt: 1 }]);
    await executions[1]?.stop(0);
    for (const execution of executions) await execution.wait(soon());
    expect(textOf(await eventsOf(redis, spec.runId))).toBe('started\n');
    await executions.at(-1)?.remove();
    expect(await bench.launcher.list()).toEqual([]);
  });

  it('lets another service find a running attempt and wait for it', async () => {
    const spec = await attempt(shell('echo started; sleep 1; echo done'));
    await bench.launcher.launch(spec, quietly, soon());
    const found = await bench.other.find(spec.runId, 1);
    expect(found).not.toBeNull();
    await found?.wait(soon());
    expect(textOf(await eventsOf(redis, spec.runId))).toBe('started\ndone\n');
    await found?.remove();
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
  });

  it('H1: services that see the same attempts have the same engine', async () => {
    expect(bench.launcher.engine).toBe(bench.other.engine);
    expect(bench.launcher.engine).toMatch(new RegExp(`^${kind === 'process' ? kind : '(podman|docker)'}:\\S{8,}$`));
  });

  it('finds no attempt that was never launched', async () => {
    expect(await bench.launcher.find(newRunId(), 1)).toBeNull();
  });

  it('stop() gives the command time to end by itself', async () => {
    const spec = await attempt(shell("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    await untilPrinted(spec, 'ready');
    await execution.stop(10_000);
    expect(textOf(await eventsOf(redis, spec.runId))).toMatch(/^ready\n(.*\n)?asked\n$/);
    await execution.remove();
  });

  it('stop() kills a command that does not end in time', async () => {
    const spec = await attempt(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    await untilPrinted(spec, 'ready');
    await execution.stop(300);
    const report = await execution.wait(soon());
    expect(report.signal === 'SIGKILL' || report.exitCode === 0).toBe(true);
    await execution.remove();
  });

  it('ends all processes of the run, also those that left its session', async () => {
    // No other process of this machine has these words.
    const naps = [1, 2, 3].map((nth) => `${process.pid}${nth}.86423`);
    const [alone, inner, own] = naps;
    const script = `setsid sleep ${alone} & setsid sh -c "sleep ${inner} & wait" & echo ready; sleep ${own}`;
    const spec = await attempt(shell(script));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    await untilPrinted(spec, 'ready');
    const sleeping = () => Promise.all(naps.map((nap) => processesNaming(`sleep\0${nap}`)));
    await until(sleeping, (found) => found.every((pids) => pids.length === 1));
    await execution.stop(0);
    await execution.remove();
    expect(await sleeping()).toEqual([[], [], []]);
  });

  it('wait() rejects when its signal aborts, and the attempt continues', async () => {
    const spec = await attempt(shell('echo ready; sleep 20'));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    await untilPrinted(spec, 'ready');
    const leaving = new AbortController();
    const waiting = execution.wait(leaving.signal);
    leaving.abort(new Error('leaving'));
    await expect(waiting).rejects.toThrow('leaving');
    expect(await bench.launcher.find(spec.runId, 1)).not.toBeNull();
    await execution.remove();
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
  });

  it('leaves nothing of an aborted launch', async () => {
    const spec = await attempt(shell('sleep 20'));
    const leaving = new AbortController();
    const launching = bench.launcher.launch(spec, () => leaving.abort(new Error('leaving')), leaving.signal);
    await expect(launching).rejects.toThrow('leaving');
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
  });

  it('refuses an unavailable image with a message that shows no address', async () => {
    const spec = await attempt({ command: ['true'], image: 'no.such.registry.invalid/none:1' });
    const refusal = await bench.launcher.launch(spec, quietly, soon()).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LaunchError);
    expect(refusal).toMatchObject({ reason: 'IMAGE_UNAVAILABLE' });
    expect(String(refusal)).not.toMatch(/\d+\.\d+\.\d+\.\d+|lookup|dial/);
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
  });

  it('passes no variable of the service to the command', async () => {
    process.env.OF_THE_SERVICE = 'secret';
    const spec = await attempt(shell('env'));
    const { text } = await carryOut(bench.launcher, redis, spec);
    delete process.env.OF_THE_SERVICE;
    const names = text.split('\n').map((line) => line.split('=')[0]);
    expect(names).toContain('RUN_ID');
    expect(names).not.toContain('OF_THE_SERVICE');
    expect(names).not.toContain('REDIS_URL');
    expect(names).not.toContain('RUN_KEY');
  });

  it('declares how executors reach Redis and how the executor is carried, and works that way', async () => {
    const { redisReach, carriesExecutor } = bench.launcher;
    const { redisReach: same } = bench.other;
    expect(same).toEqual(redisReach);
    // The bench's address of Redis is what the declaration allows: the attempts of this suite prove that it works.
    const { socketPath } = parseRedisUrl(bench.redisUrl);
    if (redisReach.by === 'mount') expect(socketPath?.startsWith(`${redisReach.directory}/`)).toBe(true);
    else expect(redisReach.by).toBe('host');
    expect(carriesExecutor).toBe(kind === 'process' ? 'host files' : 'mount');
  });

  it('can be prepared again, and can stop and remove an execution that is gone', async () => {
    await bench.launcher.prepare(quietly, AbortSignal.timeout(120_000));
    const spec = await attempt(shell('echo once'));
    const execution = await bench.launcher.launch(spec, quietly, soon());
    const [first, second] = await Promise.all([execution.wait(soon()), execution.wait(soon())]);
    expect(second).toEqual(first);
    await Promise.all([execution.remove(), execution.remove()]);
    await execution.stop(0);
    await execution.stop(100);
    expect(await bench.launcher.find(spec.runId, 1)).toBeNull();
    expect(textOf(await eventsOf(redis, spec.runId))).toBe('once\n');
  });

  it('can launch its default image by name', async () => {
    const spec = await attempt({ command: ['echo', 'hello'], image: bench.launcher.defaultImage });
    const { text } = await carryOut(bench.launcher, redis, spec);
    expect(text).toBe('hello\n');
    expect(bench.launcher.kind).toBe(kind);
    expect(await bench.launcher.unready()).toBeNull();
  });
});
