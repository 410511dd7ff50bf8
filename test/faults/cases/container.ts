/** Cases 3, 9 and 10 with containers: the engine's side of a run is hurt. */
import { setTimeout as delay } from 'node:timers/promises';
import { request, startRun } from '../../support/client.ts';
import { containersOf, engine, killContainer, removeContainer } from '../engine.ts';
import type { FaultCase } from '../faultCase.ts';
import { type RunAnswer, runOf, scenario, textOf } from '../scenario.ts';
import { Stack } from '../stack.ts';
import { plainVerdict } from './executor.ts';
import { leaseHolder } from './processes.ts';

const open = async (services = 1): Promise<{ readonly stack: Stack; readonly socketPath: string }> => {
  const { socketPath } = await engine();
  const env = {
    LAUNCHER: 'container',
    CONTAINER_SOCKET: socketPath,
    EXECUTOR_NETWORK: 'none',
    MAX_CONCURRENT_RUNS: '3',
  };
  return { stack: await Stack.open({ services, env }), socketPath };
};

/** Containers come a moment after their run's end. */
const untilNone = async (socketPath: string, runId: string): Promise<number> => {
  for (let i = 0; i < 100; i += 1, await delay(200)) {
    const left = await containersOf(socketPath, runId);
    if (left.length === 0) return 0;
  }
  return (await containersOf(socketPath, runId)).length;
};

export const containerAdopted: FaultCase = {
  number: 3,
  name: 'container-adopted',
  title: 'kill -9 of the process that supervises, the container alive: another adopts it',
  async run({ random, lines, seconds }) {
    const { stack, socketPath } = await open(2);
    await using _stack = stack;
    return await scenario({
      stack,
      random,
      lines,
      seconds: Math.max(seconds, 8) + 14,
      faults: async ({ at, runId, note, problem }) => {
        await at(0.1);
        const before = await leaseHolder(stack, runId);
        let faults = 0;
        for (const index of [0, 1]) {
          await stack.kill(index);
          faults += 1;
          const killedAt = performance.now();
          let holder: string | null = before;
          while (performance.now() - killedAt < 15_000) {
            holder = await leaseHolder(stack, runId);
            if (holder !== null && holder !== before) break;
            await delay(50);
          }
          const adopted = holder !== null && holder !== before;
          if (adopted) note(`adopted after ${Math.round(performance.now() - killedAt)} ms`);
          const there = await containersOf(socketPath, runId);
          if (there.length !== 1) problem(`${there.length} containers`);
          await stack.start(index);
          if (adopted) return faults;
        }
        problem('nobody adopted it within 15 s');
        return faults;
      },
    });
  },
};

const lost = (name: string, title: string, hurt: (socketPath: string, id: string) => Promise<void>): FaultCase => ({
  number: 9,
  name,
  title,
  async run({ random, lines, seconds }) {
    const { stack, socketPath } = await open();
    await using _stack = stack;
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      partial: true,
      expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
      faults: async ({ at, runId, note, problem, viewers }) => {
        await at(0.4);
        const containers = await containersOf(socketPath, runId);
        for (const { id } of containers) await hurt(socketPath, id);
        const hurtAt = performance.now();
        await Promise.race([Promise.all(viewers.map((viewer) => viewer.ended)), delay(20_000)]);
        note(`the end came after ${Math.round(performance.now() - hurtAt)} ms`);
        const left = await untilNone(socketPath, runId);
        if (left > 0) problem(`${left} containers are left`);
        return containers.length;
      },
    });
  },
});

export const containerRemoved = lost(
  'container-removed',
  'the container removed behind our back: EXECUTOR_LOST, once',
  removeContainer,
);
export const containerKilled = lost(
  'container-killed',
  'the whole container killed: EXECUTOR_LOST, once',
  killContainer,
);

export const engineRestarted: FaultCase = {
  number: 9,
  name: 'engine-restarted',
  title: "the engine's service restarted twice mid-run: the container lives, the run goes on",
  async run({ random, lines, seconds }) {
    const { stack } = await open();
    await using _stack = stack;
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        for (const share of [0.3, 0.6]) {
          await at(share);
          await (await engine()).restart();
        }
        return 2;
      },
    });
  },
};

interface Way {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly reason: string | null;
}

const node = (script: string) => ({ command: ['/opt/runloom/bin/busybox', 'sh', '-c', script] });
/** A shell's own variable grows by doubling; /workspace is memory too. */
const EAT = 'x=0123456789abcdef; while :; do x="$x$x"; done';
const FILL =
  'i=0; while :; do i=$((i+1)); /opt/runloom/bin/busybox dd if=/dev/zero of=/workspace/$i bs=1M count=16 2>/dev/null; done';

const WAYS: readonly Way[] = [
  {
    name: 'the command itself out of memory',
    input: { ...node(EAT), resources: { memoryMb: 128 } },
    status: 'FAILED',
    reason: 'OUT_OF_MEMORY',
  },
  {
    name: 'a child of it, which it survives with exit 0',
    input: { ...node(`(${EAT}) & wait; exit 0`), resources: { memoryMb: 128 } },
    status: 'COMPLETED',
    reason: null,
  },
  {
    name: 'the whole container, by a full /workspace',
    input: { ...node(FILL), resources: { memoryMb: 128 } },
    status: 'FAILED',
    reason: 'OUT_OF_MEMORY',
  },
  { name: 'SIGKILL by itself', input: node('kill -9 $$'), status: 'FAILED', reason: 'SIGNALLED' },
  { name: 'exit 137', input: node('exit 137'), status: 'FAILED', reason: 'NONZERO_EXIT' },
  {
    name: 'no such image',
    input: { ...node('true'), image: 'localhost/none:1' },
    status: 'FAILED',
    reason: 'IMAGE_UNAVAILABLE',
  },
  { name: 'timeout', input: { ...node('sleep 60'), timeoutSeconds: 1 }, status: 'FAILED', reason: 'TIMEOUT' },
  { name: 'not found', input: { command: ['/no/such'] }, status: 'FAILED', reason: 'COMMAND_NOT_STARTED' },
];

const PER_WAY = 3;

export const containerWays: FaultCase = {
  number: 10,
  name: 'container-ways',
  title: `out of memory and other ways to end in a container, ${PER_WAY} of each: the right reason, one end`,
  async run() {
    const { stack, socketPath } = await open();
    await using _stack = stack;
    const url = stack.urls()[0] ?? '';
    const problems: string[] = [];
    let faults = 0;
    let wrong = 0;
    for (const way of WAYS) {
      for (let i = 0; i < PER_WAY; i += 1) {
        const id = await startRun(url, way.input).catch((error: Error) => {
          problems.push(`${way.name}: ${error.message}`);
          return null;
        });
        if (id === null) break;
        faults += 1;
        let run: RunAnswer | null = null;
        for (let turn = 0; turn < 600; turn += 1) {
          run = await runOf(url, id);
          if (run !== null && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(run.status)) break;
          await delay(100);
        }
        const reason = run?.failure?.reason ?? null;
        if (run?.status !== way.status || reason !== way.reason) {
          wrong += 1;
          problems.push(`${way.name}: ${run?.status} ${reason} ${run?.failure?.message ?? ''}`);
          if (run?.status !== 'FAILED' && run?.status !== 'COMPLETED') {
            await request(url, 'mutation ($id: ID!) { cancelRun(input: { runId: $id, force: true }) { run { id } } }', {
              id,
            });
          }
        }
        const text = await textOf(`${url}/runs/${id}/log.ndjson`);
        const ends = text.split('\n').filter((line) => line.includes('"RunFinished"')).length;
        if (ends !== 1) problems.push(`${way.name}: ${ends} ends`);
        const left = await untilNone(socketPath, id);
        if (left > 0) problems.push(`${way.name}: ${left} containers are left`);
      }
    }
    return plainVerdict({ faults, delivered: 0, endRight: wrong === 0, problems });
  },
};
