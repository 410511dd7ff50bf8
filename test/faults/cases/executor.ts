/** Case 9, 10, 14, 16: executors and commands die, in many ways; two of them on one attempt; a clock that is wrong. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunId } from '../../../src/domain/ids.ts';
import { request, startRun } from '../../support/client.ts';
import { startExecutor, startingRun } from '../../support/executor.ts';
import { type FaultCase, NotHere } from '../faultCase.ts';
import { numbered, type RunAnswer, runOf, scenario, textOf } from '../scenario.ts';
import { Stack } from '../stack.ts';
import type { Verdict } from '../verdict.ts';

const run = promisify(execFile);

export const executorKilled: FaultCase = {
  number: 9,
  name: 'executor-killed',
  title: 'kill -9 of the executor: EXECUTOR_LOST, once, and nothing of the command lives on',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      partial: true,
      expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
      faults: async ({ at, runId, note, problem, viewers }) => {
        await at(0.5);
        const { executors } = await stack.processesOf(runId);
        for (const pid of executors) process.kill(pid, 'SIGKILL');
        const killedAt = performance.now();
        await Promise.race([Promise.all(viewers.map((viewer) => viewer.ended)), delay(20_000)]);
        note(`the end came after ${Math.round(performance.now() - killedAt)} ms`);
        for (let i = 0; ; i += 1, await delay(50)) {
          const left = await stack.processesOf(runId);
          if (left.executors.length + left.commands.length === 0) break;
          if (i < 200) continue;
          problem(`${left.commands.length} processes of the command live on`);
          break;
        }
        return executors.length;
      },
    });
  },
};

export const commandKilled: FaultCase = {
  number: 9,
  name: 'command-killed',
  title: 'kill -9 of the command: FAILED by a signal',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      partial: true,
      expect: { status: 'FAILED', reason: 'SIGNALLED' },
      faults: async ({ at, runId }) => {
        await at(0.5);
        const { commands } = await stack.processesOf(runId);
        for (const pid of commands) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // A sleep that was over.
          }
        }
        return commands.length;
      },
    });
  },
};

/** Two executors on one attempt: the older one is fenced, none of its lines comes after. */
export const twoExecutors: FaultCase = {
  number: 14,
  name: 'two-executors',
  title: 'two executors forced on one attempt, 10 times: the older one is fenced',
  async run({ random }) {
    await using stack = await Stack.open({ redis: 'always' });
    const admin = await stack.admin();
    const problems: string[] = [];
    let faults = 0;
    let delivered = 0;
    const rounds = 10;
    for (let round = 0; round < rounds; round += 1) {
      const who = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "$$ says $i"; sleep 0.1; done';
      const id = await startingRun(admin, { command: ['sh', '-c', who] });
      stack.runs.push(id);
      const url = await stack.redisUrl();
      await using first = await startExecutor(url, id);
      await untilLines(admin, id, random.between(1, 20));
      await using second = await startExecutor(url, id);
      faults += 1;
      const codes = await Promise.all([first.exited, second.exited]);
      if (codes[0] !== 4 || codes[1] !== 0) problems.push(`exit codes ${codes.join(', ')}`);
      const text = await textOf(`${stack.urls()[0]}/runs/${id}/log.txt`);
      const speakers = text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]);
      delivered += speakers.length;
      const changes = speakers.filter((speaker, at) => at > 0 && speaker !== speakers[at - 1]).length;
      if (changes !== 1) problems.push(`the speaker changed ${changes} times`);
      const last = speakers.at(-1);
      if (speakers.filter((speaker) => speaker === last).length !== 40) problems.push('the second one is not whole');
    }
    return plainVerdict({ faults, delivered, endRight: problems.length === 0, problems });
  },
};

const untilLines = async (redis: Awaited<ReturnType<Stack['admin']>>, id: RunId, count: number): Promise<void> => {
  for (let i = 0; i < 1000; i += 1) {
    if (Number(await redis.hget(`run:{${id}}`, 'lines')) >= count) return;
    await delay(10);
  }
};

const CLOCK = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec *);
static long began;
static long back(void) {
  struct timespec now; real(CLOCK_MONOTONIC, &now);
  if (began == 0) began = now.tv_sec;
  return now.tv_sec - began >= 3 ? 3600 : 0;
}
int clock_gettime(clockid_t id, struct timespec *t) {
  if (!real) { real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"); }
  int result = real(id, t);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec -= back();
  return result;
}
int gettimeofday(struct timeval *tv, void *tz) {
  struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
  if (tv) { tv->tv_sec = t.tv_sec; tv->tv_usec = t.tv_nsec / 1000; }
  return 0;
}
`;

export const clockBack: FaultCase = {
  number: 16,
  name: 'clock-back',
  title: "the executor's clock set back an hour while it runs: the order of seqs stands",
  async run({ random, lines, seconds }) {
    const directory = await mkdtemp(join(tmpdir(), 'rl-clock-'));
    try {
      const library = join(directory, 'clock.so');
      await writeFile(join(directory, 'clock.c'), CLOCK);
      await run('cc', ['-shared', '-fPIC', '-O1', '-o', library, join(directory, 'clock.c'), '-ldl']).catch((error) => {
        throw new NotHere(`no other clock without a C compiler (${error.message})`);
      });
      await using stack = await Stack.open({ redis: 'always' });
      await using ends = new AsyncDisposableStack();
      return await scenario({
        stack,
        random,
        lines,
        seconds: Math.max(seconds, 6),
        start: async () => {
          const id = await startingRun(await stack.admin(), { command: numbered(lines, Math.max(seconds, 6)) });
          ends.use(await startExecutor(await stack.redisUrl(), id, { variables: { LD_PRELOAD: library } }));
          return id;
        },
        faults: async ({ at, runId, note }) => {
          await at(1);
          const answer = await textOf(`${stack.urls()[0]}/runs/${runId}/log.ndjson`);
          let before = 0;
          let backwards = 0;
          for (const text of answer.trimEnd().split('\n')) {
            const at = Date.parse((JSON.parse(text) as { timestamp: string }).timestamp);
            if (at < before - 3_000_000) backwards += 1;
            before = at;
          }
          note(`timestamps went back by about an hour ${backwards} time(s)`);
          return backwards;
        },
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

interface Way {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** What happens to it from outside. */
  readonly hurt?: (stack: Stack, runId: string) => Promise<void>;
  readonly status: string;
  readonly reason: string | null;
  readonly container?: boolean;
}

const sh = (script: string): { command: string[] } => ({ command: ['sh', '-c', script] });
const kill =
  (which: 'executors' | 'commands') =>
  async (stack: Stack, runId: string): Promise<void> => {
    for (let i = 0; i < 400; i += 1) {
      const found = (await stack.processesOf(runId))[which];
      const run = await runOf(stack.urls()[0] ?? '', runId);
      if (found.length > 0 && run?.status === 'RUNNING') {
        for (const pid of found) process.kill(pid, 'SIGKILL');
        return;
      }
      await delay(25);
    }
  };

/** Ways to end that need no container; those that do are in cases/container.ts. */
const WAYS: readonly Way[] = [
  { name: 'exit 0', input: sh('exit 0'), status: 'COMPLETED', reason: null },
  { name: 'exit 7', input: sh('exit 7'), status: 'FAILED', reason: 'NONZERO_EXIT' },
  { name: 'SEGV', input: sh('kill -SEGV $$'), status: 'FAILED', reason: 'SIGNALLED' },
  { name: 'KILL by itself', input: sh('kill -9 $$'), status: 'FAILED', reason: 'SIGNALLED' },
  { name: 'TERM by itself', input: sh('kill -TERM $$'), status: 'FAILED', reason: 'SIGNALLED' },
  { name: 'ABRT', input: sh('kill -ABRT $$'), status: 'FAILED', reason: 'SIGNALLED' },
  { name: 'KILL from outside', input: sh('sleep 30'), hurt: kill('commands'), status: 'FAILED', reason: 'SIGNALLED' },
  {
    name: 'executor KILLed',
    input: sh('sleep 30'),
    hurt: kill('executors'),
    status: 'FAILED',
    reason: 'EXECUTOR_LOST',
  },
  { name: 'timeout', input: { ...sh('sleep 30'), timeoutSeconds: 1 }, status: 'FAILED', reason: 'TIMEOUT' },
  { name: 'not found', input: { command: ['/no/such/program'] }, status: 'FAILED', reason: 'COMMAND_NOT_STARTED' },
  {
    name: 'no image',
    input: { ...sh('true'), image: 'example.invalid/none:1' },
    status: 'FAILED',
    reason: 'IMAGE_UNAVAILABLE',
  },
  {
    name: 'cancel',
    input: sh('sleep 30'),
    hurt: async (stack, runId) => {
      const { errors } = await request(
        stack.urls()[0] ?? '',
        'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }',
        { id: runId },
      );
      if (errors) throw new Error(JSON.stringify(errors));
    },
    status: 'CANCELLED',
    reason: null,
  },
];

const PER_WAY = 8;

export const waysToDie: FaultCase = {
  number: 10,
  name: 'ways-to-die',
  title: `12 ways to end without a container, ${PER_WAY} of each: the right reason, one end`,
  async run() {
    await using stack = await Stack.open({ env: { MAX_CONCURRENT_RUNS: '6' } });
    const url = stack.urls()[0] ?? '';
    const problems: string[] = [];
    let faults = 0;
    let wrong = 0;
    const one = async (way: Way): Promise<void> => {
      const runId = await startRun(url, way.input);
      stack.runs.push(runId);
      const hurting = way.hurt?.(stack, runId);
      let answer: RunAnswer | null = null;
      for (let i = 0; i < 600; i += 1) {
        answer = await runOf(url, runId);
        if (answer !== null && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(answer.status)) break;
        await delay(100);
      }
      await hurting;
      faults += 1;
      const reason = answer?.failure?.reason ?? null;
      const status = answer?.status;
      if (status !== way.status || reason !== way.reason) {
        wrong += 1;
        problems.push(`${way.name}: ${status} ${reason} ${answer?.failure?.message ?? ''}`);
      }
      const text = await textOf(`${url}/runs/${runId}/log.ndjson`);
      const ends = text.split('\n').filter((line) => line.includes('"RunFinished"')).length;
      if (ends !== 1) problems.push(`${way.name}: ${ends} ends`);
    };
    for (let round = 0; round < PER_WAY; round += 1) await Promise.all(WAYS.map(one));
    return plainVerdict({ faults, delivered: 0, endRight: wrong === 0, problems });
  },
};

/** A verdict of a case without the three viewers. */
export const plainVerdict = (
  some: Pick<Verdict, 'faults' | 'delivered' | 'endRight' | 'problems'> & Partial<Verdict>,
): Verdict => ({
  lost: 0,
  repeated: 0,
  disordered: 0,
  stuck: 0,
  digestRight: null,
  plainLost: null,
  plainOf: 0,
  notes: [],
  ...some,
});
