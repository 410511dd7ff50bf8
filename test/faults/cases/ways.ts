/** Case 10: each way to die, many times, several at once, on each launcher: the right reason, one end. */
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../../support/clients/client.ts';
import type { Bench, FaultCase } from '../faultCase.ts';
import { together, type Verdict } from '../follow/verdict.ts';
import { atOnce, type Scene, scenario } from '../scenario.ts';
import { containersOf, engine, killContainer, withEngine } from '../stack/engine.ts';
import { Stack, type StackOptions } from '../stack/stack.ts';
import { containersLeft } from './container.ts';

type Launcher = 'process' | 'container';

interface Way {
  readonly name: string;
  /** What the command does after it has printed its lines. */
  readonly script?: string;
  /** Instead of a command that prints and dies. */
  readonly command?: readonly string[];
  readonly input?: Readonly<Record<string, unknown>>;
  /** What happens to it from outside once all lines are printed. */
  readonly hurt?: (scene: Scene, launcher: Launcher) => Promise<void>;
  readonly status?: string;
  readonly reason: string | null;
  /** Where it does not exist, and why. */
  readonly notOn?: { readonly launcher: Launcher; readonly because: string };
}

const LINES = 10;
/** For any sh. */
const PRINT = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i of ${LINES}"; done;`;

const killCommand = async ({ stack, runId, problem }: Scene): Promise<void> => {
  const { commands } = await stack.processesOf(runId);
  if (commands.length === 0) problem('found no command to kill');
  stack.signal(commands, 'SIGKILL');
};
const killExecutor = async ({ stack, runId, problem }: Scene, launcher: Launcher): Promise<void> => {
  if (launcher === 'container') {
    const { socketPath } = await engine();
    const containers = await containersOf(socketPath, runId);
    if (containers.length !== 1) problem(`found ${containers.length} containers to kill, not 1`);
    for (const { id } of containers) await killContainer(socketPath, id);
    return;
  }
  const { executors } = await stack.processesOf(runId);
  if (executors.length !== 1) problem(`found ${executors.length} executors to kill, not 1`);
  stack.signal(executors, 'SIGKILL');
};
const cancel = async ({ stack, runId, problem }: Scene): Promise<void> => {
  const query = 'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }';
  const { errors } = await request(stack.urls()[0] ?? '', query, { id: runId });
  if (errors !== undefined) problem(JSON.stringify(errors));
};

const SMALL = { resources: { memoryMb: 128 } };
const NO_LIMIT = { launcher: 'process', because: 'no memory limit' } as const;
/** The variable of a shell grows by doubling. Files in a container's /workspace use memory too. */
const EAT = 'x=0123456789abcdef; while :; do x="$x$x"; done';
const FILL = 'i=0; while :; do i=$((i+1)); dd if=/dev/zero of=/workspace/$i bs=1M count=16 2>/dev/null; done';

/** Twelve for the process launcher, and three that need a memory limit. */
const WAYS: readonly Way[] = [
  { name: 'exit 0', script: 'exit 0', status: 'COMPLETED', reason: null },
  { name: 'exit 7', script: 'exit 7', reason: 'NONZERO_EXIT' },
  { name: 'exit 137', script: 'exit 137', reason: 'NONZERO_EXIT' },
  { name: 'SEGV', script: 'kill -SEGV $$', reason: 'SIGNALLED' },
  { name: 'TERM by itself', script: 'kill -TERM $$', reason: 'SIGNALLED' },
  { name: 'KILL by itself', script: 'kill -KILL $$', reason: 'SIGNALLED' },
  { name: 'KILL from outside', script: 'sleep 60', hurt: killCommand, reason: 'SIGNALLED' },
  { name: 'executor killed', script: 'sleep 60', hurt: killExecutor, reason: 'EXECUTOR_LOST' },
  { name: 'timeout', script: 'sleep 60', input: { timeoutSeconds: 1 }, reason: 'TIMEOUT' },
  { name: 'not found', command: ['/no/such/program'], reason: 'COMMAND_NOT_STARTED' },
  { name: 'no image', command: ['true'], input: { image: 'localhost/none:1' }, reason: 'IMAGE_UNAVAILABLE' },
  { name: 'cancel', script: 'sleep 60', hurt: cancel, status: 'CANCELLED', reason: null },
  { name: 'command out of memory', script: EAT, input: SMALL, reason: 'OUT_OF_MEMORY', notOn: NO_LIMIT },
  {
    name: 'child out of memory, survived',
    script: `(${EAT}) & wait; exit 0`,
    input: SMALL,
    status: 'COMPLETED',
    reason: null,
    notOn: NO_LIMIT,
  },
  { name: 'container out of memory', script: FILL, input: SMALL, reason: 'OUT_OF_MEMORY', notOn: NO_LIMIT },
];

/** The executor image has only this shell. */
const SHELL: Readonly<Record<Launcher, readonly string[]>> = {
  process: ['sh', '-c'],
  container: ['/opt/runloom/bin/busybox', 'sh', '-c'],
};
const inContainer = (script: string): string => script.replaceAll('dd if', '/opt/runloom/bin/busybox dd if');

const die = async (stack: Stack, bench: Bench, way: Way, launcher: Launcher): Promise<Verdict> => {
  const { name, script = '', input = {}, hurt, status = 'FAILED', reason } = way;
  const command = way.command ?? [
    ...SHELL[launcher],
    PRINT + (launcher === 'container' ? inContainer(script) : script),
  ];
  const verdict = await scenario({
    stack,
    bench,
    lines: way.command === undefined ? LINES : 0,
    seconds: 1,
    // Includes a minute in the queue.
    settleSeconds: 120,
    command,
    input,
    partial: true,
    expect: { status, reason },
    faults: async (scene) => {
      if (hurt === undefined) return 1;
      await scene.at(1, 60_000);
      if (scene.started.audit.lines < LINES) scene.problem('the command did not print its lines');
      await hurt(scene, launcher);
      return 1;
    },
  });
  const lines = way.command === undefined ? LINES : 0;
  const missing = verdict.delivered === 3 * lines ? [] : [`${verdict.delivered} of ${3 * lines} lines came`];
  return { ...verdict, problems: [...verdict.problems, ...missing].map((problem) => `${name}: ${problem}`) };
};

const everyWay = async (bench: Bench, launcher: Launcher, options: StackOptions, atATime: number): Promise<Verdict> => {
  const env = { ...options.env, MAX_CONCURRENT_RUNS: String(atATime) };
  await using stack = await Stack.open({ ...options, env });
  const ways = WAYS.filter(({ name, notOn }) => notOn?.launcher !== launcher && name.includes(bench.way));
  const jobs = Array.from({ length: bench.each }, () => ways)
    .flat()
    .map((way) => () => die(stack, bench, way, launcher));
  const begun = performance.now();
  const verdict = together(await atOnce(atATime + 2, jobs, bench.progress));
  const seconds = (performance.now() - begun) / 1000;
  const left: string[] = [];
  if (launcher === 'container') {
    const { socketPath } = await engine();
    for (const runId of stack.runs) {
      const count = await containersLeft(socketPath, runId);
      if (count > 0) left.push(`${count} containers of ${runId} are left`);
    }
  }
  for (let i = 0; i < 100 && (await stack.processesOfRuns()).length > 0; i += 1) await delay(100);
  for (const pid of await stack.processesOfRuns()) left.push(`process ${pid} is left`);
  const absent = WAYS.flatMap(({ name, notOn }) =>
    notOn?.launcher === launcher ? [`${name} (${notOn.because})`] : [],
  );
  return {
    ...verdict,
    problems: [...verdict.problems, ...left.slice(0, 5)],
    notes: [
      `${bench.each} of each of ${ways.length} ways, ${(seconds / jobs.length).toFixed(2)} s each, ${atATime} at once: ${ways.map(({ name }) => name).join(', ')}`,
      ...(absent.length === 0 ? [] : [`not with this launcher: ${absent.join(', ')}`]),
    ],
  };
};

export const waysToDie: FaultCase = {
  number: 10,
  name: 'ways-process',
  title: 'each of 12 ways to die 100 times, on local processes: the right reason, one end',
  run: (bench) => everyWay(bench, 'process', {}, 6),
};

export const containerWays: FaultCase = {
  number: 10,
  name: 'ways-container',
  title: 'the same in containers, and out of memory in the command, in its child and in the whole container',
  run: async (bench) => everyWay(bench, 'container', await withEngine(), 4),
};
