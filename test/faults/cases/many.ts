/** Case 18: many runs at once, many of them cancelled; nothing may be left behind. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { request, startRun } from '../../support/clients/client.ts';
import type { Bench, FaultCase } from '../faultCase.ts';
import type { Verdict } from '../follow/verdict.ts';
import { Viewer } from '../follow/viewer.ts';
import { atOnce, numbered, runOf, type Scene, scenario, textOf } from '../scenario.ts';
import { containersOf, engine, withEngine } from '../stack/engine.ts';
import { type Inspected, inspected } from '../stack/inspector.ts';
import { Stack, type StackOptions } from '../stack/stack.ts';

interface Heap {
  readonly runs: number;
  readonly cancels: number;
  readonly shell: readonly string[];
  readonly sleep: string;
}

/** Every tenth run has a viewer, so that a subscription could be left behind. */
const WATCHED = 10;
const END_MS = 600_000;
/** Leases and other keys expire within this. */
const RUNS_OUT_MS = 13_000;
/** Timers and handles that may be added: those of idle HTTP connections. */
const TIMERS_SPARE = 8;

const cancelQuery = 'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }';

const manyRuns = async ({ stack, bench, note, problem }: Scene, heap: Heap, services: readonly Inspected[]) => {
  const { random } = bench;
  const urls = stack.urls();
  const url = (): string => urls[random.between(0, urls.length - 1)] ?? '';
  const before = await Promise.all(services.map((one) => one.resources()));
  const command = (): string[] => [
    ...heap.shell,
    `echo line 1 of 2; ${heap.sleep} 0.${random.between(0, 9)}; echo line 2 of 2`,
  ];
  const begun = performance.now();
  const ids = await Promise.all(Array.from({ length: heap.runs }, () => startRun(url(), { command: command() })));
  note(`${heap.runs} startRun calls at once were answered within ${Math.round(performance.now() - begun)} ms`);
  stack.runs.push(...ids);
  const watching = ids.filter((_, index) => index % WATCHED === 0);
  const viewers = watching.map((runId) => new Viewer({ runId, urls: stack.urls, random }));
  const redis = await stack.admin();
  const ended = async (): Promise<number> => {
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hget(`run:{${id}}`, 'closed');
    return ((await pipeline.exec()) ?? []).filter(([, closed]) => closed === '1').length;
  };
  try {
    // A cancel is due when so many runs have ended, so that cancels are spread evenly on any machine.
    const moments = Array.from({ length: heap.cancels }, () => random.between(0, heap.runs - 1)).sort((a, b) => a - b);
    let cancelled = 0;
    const deadline = performance.now() + END_MS;
    for (let done = await ended(); done < heap.runs && performance.now() < deadline; done = await ended()) {
      for (let next = moments[0]; next !== undefined && next <= done; next = moments[0]) {
        moments.shift();
        // A run that waits, runs, or has just ended: runs start roughly in order.
        const id = ids[Math.min(heap.runs - 1, Math.max(0, done + random.between(-5, 60)))];
        const { errors } = await request(url(), cancelQuery, { id });
        if (errors !== undefined) problem(JSON.stringify(errors));
        cancelled += 1;
      }
      bench.progress(`${done} of ${heap.runs} have ended`);
      await delay(100);
    }
    note(`${heap.runs} runs took ${Math.round((performance.now() - begun) / 1000)} s, ${cancelled} cancels`);
    const stuck = heap.runs - (await ended());
    if (stuck > 0) problem(`${stuck} runs did not end`);
    await Promise.race([Promise.all(viewers.map((one) => one.ended)), delay(20_000)]);
    for (const { audit, done } of viewers)
      if (!done || audit.ends !== 1 || audit.lost + audit.repeated + audit.altered > 0)
        problem(`a viewer saw ${audit.ends} ends; ${audit.lost} events lost, ${audit.repeated} repeated`);
  } finally {
    for (const one of viewers) one.stop();
  }
  await tellEnds(urls[0] ?? '', ids, note, problem);
  return { ids, before };
};

const tellEnds = async (
  url: string,
  ids: readonly string[],
  note: (text: string) => void,
  problem: (text: string) => void,
): Promise<void> => {
  const counts = new Map<string, number>();
  const look = async (id: string): Promise<void> => {
    const run = await runOf(url, id);
    const how = `${run?.status}${run?.failure ? ` ${run.failure.reason}` : ''}`;
    counts.set(how, (counts.get(how) ?? 0) + 1);
    const text = await textOf(`${url}/runs/${id}/log.ndjson`);
    const ends = text.split('\n').filter((line) => line.includes('"RunFinished"')).length;
    if (ends !== 1) problem(`${id} has ${ends} ends`);
  };
  await atOnce(
    8,
    ids.map((id) => () => look(id)),
  );
  note([...counts].map(([how, count]) => `${count} ${how}`).join(', '));
  for (const how of counts.keys())
    if (how !== 'COMPLETED' && how !== 'CANCELLED') problem(`${counts.get(how)} runs ended as ${how}`);
};

/** What was left behind. */
const leftBehind = async (stack: Stack, redis: Redis, ids: readonly string[]): Promise<readonly string[]> => {
  const left = (await stack.processesOfRuns()).map((pid) => `process ${pid}`);
  for (let cursor = ''; cursor !== '0'; ) {
    const [next, keys] = await redis.scan(cursor === '' ? '0' : cursor, 'COUNT', 500);
    cursor = next;
    for (const key of keys) {
      if (ids.some((id) => key.includes(id)) && (await redis.ttl(key)) === -1) left.push(`${key} without a TTL`);
    }
  }
  const channels = ((await redis.pubsub('CHANNELS')) as string[]).filter((name) => /^run_(logs|control)/.test(name));
  return [...left, ...channels.map((name) => `subscription ${name}`)];
};

const heapOfRuns = async (bench: Bench, options: StackOptions, heap: Heap): Promise<Verdict> => {
  // Only the inspector shows timers.
  await using stack = await Stack.open({
    ...options,
    services: 2,
    env: { ...options.env, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  });
  await using services = await inspected(stack, [0, 1]);
  const seconds = bench.quick ? 10 : 60;
  const command = [...heap.shell, ...numbered(bench.lines, seconds).slice(2)];
  return await scenario({
    stack,
    bench,
    lines: bench.lines,
    seconds,
    // The run may wait in the queue behind all others.
    settleSeconds: 300,
    command,
    faults: async (scene) => {
      await scene.at(0.05);
      const { ids, before } = await manyRuns(scene, heap, services.all);
      await scene.allEnded(120_000);
      for (const viewer of scene.viewers) viewer.stop();
      // The plain design never unsubscribes, so it is ended first.
      stack.signal([stack.plainPidOf(0), stack.plainPidOf(1)], 'SIGKILL');
      const redis = await stack.admin();
      // Checked until nothing is left, or until everything that expires has expired.
      let left: readonly string[] = [];
      for (const until = performance.now() + RUNS_OUT_MS; performance.now() < until; await delay(500)) {
        left = await leftBehind(stack, redis, [...ids, scene.runId]);
        if (left.length === 0) break;
      }
      if (options.env?.CONTAINER_SOCKET !== undefined) {
        const { socketPath } = await engine();
        for (const id of ids)
          for (const container of await containersOf(socketPath, id)) left = [...left, `container ${container.id}`];
      }
      for (const text of left.slice(0, 10)) scene.problem(`left behind: ${text}`);
      if (left.length > 10) scene.problem(`and ${left.length - 10} more were left behind`);
      await tellTimers(scene, services.all, before);
      return heap.cancels;
    },
  });
};

const tellTimers = async ({ note, problem }: Scene, services: readonly Inspected[], before: readonly number[]) => {
  for (const [index, service] of services.entries()) {
    let now = await service.resources();
    const at = before[index] ?? 0;
    // Idle HTTP connections have timers for 75 s.
    for (let i = 0; i < 180 && now > at + TIMERS_SPARE; i += 1, await delay(500)) now = await service.resources();
    note(`service ${index}: ${at} timers and handles before, ${now} after`);
    if (now > at + TIMERS_SPARE) problem(`service ${index} has ${now - at} timers and handles more than before`);
  }
};

export const manyProcesses: FaultCase = {
  number: 18,
  name: 'many-runs',
  title: '500 startRun calls at once, 200 cancels at random moments: every run ends once, and nothing is left behind',
  run: (bench) =>
    heapOfRuns(
      bench,
      { env: { MAX_CONCURRENT_RUNS: '5' } },
      { runs: bench.quick ? 40 : 500, cancels: bench.quick ? 16 : 200, shell: ['sh', '-c'], sleep: 'sleep' },
    ),
};

export const manyContainers: FaultCase = {
  number: 18,
  name: 'many-containers',
  title: 'the same with 100 containers and 40 cancels: no container is left behind either',
  run: async (bench) =>
    heapOfRuns(bench, await withEngine(), {
      runs: bench.quick ? 8 : 100,
      cancels: bench.quick ? 3 : 40,
      shell: ['/opt/runloom/bin/busybox', 'sh', '-c'],
      sleep: '/opt/runloom/bin/busybox sleep',
    }),
};
