/** Cases 9, 14, 16: executors and commands die; two executors on one attempt; a wrong clock. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import { startExecutor, startingRun } from '../../support/runs/executor.ts';
import { type FaultCase, NotHere } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';
import { together } from '../follow/verdict.ts';
import { atOnce, scenario, textOf } from '../scenario.ts';
import { Stack } from '../stack/stack.ts';

const run = promisify(execFile);

export const executorKilled: FaultCase = following({
  number: 9,
  name: 'executor-killed',
  title: 'kill -9 of the executor: EXECUTOR_LOST, once, and no process of the command survives',
  partial: true,
  expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
  faults: (scene) =>
    atEach(scene, [0.5], async () => {
      const { stack, runId, note, problem, allEnded } = scene;
      const { executors } = await stack.processesOf(runId);
      for (const pid of executors) process.kill(pid, 'SIGKILL');
      const killedAt = performance.now();
      await allEnded(20_000);
      note(`the end came after ${Math.round(performance.now() - killedAt)} ms`);
      const left = await stack.untilNoProcess(runId, 10_000);
      if (left > 0) problem(`${left} processes of the command survived`);
      return executors.length;
    }),
});

export const commandKilled: FaultCase = following({
  number: 9,
  name: 'command-killed',
  title: 'kill -9 of the command: FAILED by a signal',
  partial: true,
  expect: { status: 'FAILED', reason: 'SIGNALLED' },
  faults: (scene) =>
    atEach(scene, [0.5], async () => {
      const { commands } = await scene.stack.processesOf(scene.runId);
      scene.stack.signal(commands, 'SIGKILL');
      return commands.length;
    }),
});

const SPOKEN = 30;
/**
 * Each line has the time and, instead of the number of lines, the pid of its writer. The first command (which makes the
 * directory) writes until it is stopped.
 */
const SPEAK = `if mkdir "$1" 2>/dev/null; then n=100000; else n=${SPOKEN}; fi
i=0; while [ $i -lt $n ]; do i=$((i+1)); echo "line $(date +%s%3N) of $$"; sleep 0.1; done`;

/** Two executors on one attempt: the older one is fenced, and none of its lines comes later. */
export const twoExecutors: FaultCase = {
  number: 14,
  name: 'two-executors',
  title: 'two executors forced on one attempt, 100 times: the older one is fenced',
  async run(bench) {
    await using stack = await Stack.open({ redis: 'always' });
    const admin = await stack.admin();
    const url = await stack.redisUrl();
    const one = async () => {
      await using ends = new AsyncDisposableStack();
      const first = Promise.withResolvers<Awaited<ReturnType<typeof startExecutor>>>();
      return await scenario({
        stack,
        bench,
        lines: SPOKEN,
        seconds: 8,
        partial: true,
        start: async () => {
          const directory = await mkdtemp(join(tmpdir(), 'rl-speak-'));
          ends.defer(() => rm(directory, { recursive: true, force: true }));
          const id = await startingRun(admin, { command: ['sh', '-c', SPEAK, 'sh', join(directory, 'first')] });
          first.resolve(ends.use(await startExecutor(url, id)));
          return id;
        },
        faults: async ({ at, runId, problem }) => {
          await at(bench.random.between(1, SPOKEN - 10) / SPOKEN);
          const second = ends.use(await startExecutor(url, parseRunId(runId) as RunId));
          const codes = await Promise.all([(await first.promise).exited, second.exited]);
          if (codes[0] !== 4 || codes[1] !== 0) problem(`exit codes ${codes.join(', ')}`);
          const speakers = (await textOf(`${stack.urls()[0]}/runs/${runId}/log.txt`))
            .trimEnd()
            .split('\n')
            .map((line) => line.split(' ')[3]);
          const changes = speakers.filter((speaker, index) => index > 0 && speaker !== speakers[index - 1]).length;
          if (changes !== 1) problem(`the writer of the lines changed ${changes} times, not once`);
          const last = speakers.at(-1);
          if (speakers.filter((speaker) => speaker === last).length !== SPOKEN)
            problem('lines of the second executor are missing');
          return 1;
        },
      });
    };
    const rounds = bench.quick ? 6 : 100;
    return together(
      await atOnce(
        8,
        Array.from({ length: rounds }, () => one),
        bench.progress,
      ),
    );
  },
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

const clockLibrary = async (ends: AsyncDisposableStack): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-clock-'));
  ends.defer(() => rm(directory, { recursive: true, force: true }));
  const library = join(directory, 'clock.so');
  await writeFile(join(directory, 'clock.c'), CLOCK);
  await run('cc', ['-shared', '-fPIC', '-O1', '-o', library, join(directory, 'clock.c'), '-ldl']).catch((error) => {
    throw new NotHere(`a wrong clock needs a C compiler (${error.message})`);
  });
  return library;
};

export const clockBack: FaultCase = following({
  number: 16,
  name: 'clock-back',
  title: "the executor's clock set back an hour while it runs: the order of seqs stays",
  stack: { redis: 'always' },
  seconds: ({ seconds }) => Math.max(seconds, 6),
  start: async ({ stack, command, ends }) => {
    const library = await clockLibrary(ends);
    const id = await startingRun(await stack.admin(), { command });
    ends.use(await startExecutor(await stack.redisUrl(), id, { variables: { LD_PRELOAD: library } }));
    return id;
  },
  faults: async ({ stack, at, runId, note }) => {
    await at(1);
    const answer = await textOf(`${stack.urls()[0]}/runs/${runId}/log.ndjson`);
    let before = 0;
    let backwards = 0;
    for (const text of answer.trimEnd().split('\n')) {
      const timestamp = Date.parse((JSON.parse(text) as { timestamp: string }).timestamp);
      if (timestamp < before - 3_000_000) backwards += 1;
      before = timestamp;
    }
    note(`timestamps went back by about an hour, ${backwards} time(s)`);
    return backwards;
  },
});
