/** Processes that the command leaves behind: their output is read to its end, and then they are killed. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../../src/domain/run.ts';
import { controlChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { Script } from '../../../src/wire/scripts/script.ts';
import { CANCEL } from '../../../src/wire/scripts/writeScripts.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  becomeStarting,
  digestOf,
  isWhole,
  messages,
  readEvents,
  readRun,
  startExecutor,
  startingRun,
  untilGone,
  untilLine,
} from '../../support/runs/executor.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(async () => {
  await server.stop();
});

const carryOut = async (command: readonly string[], changes: Partial<RunRecord> = {}) => {
  const id = await startingRun(redis, { command, ...changes });
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  return { id, events, run: await readRun(redis, id), lines: messages(events) };
};
const bash = (script: string): string[] => ['bash', '-c', script];
const numbers = Array.from({ length: 300 }, (_, at) => `line ${at + 1}`);
const COUNT = 'for i in $(seq 1 300); do echo line $i; done; echo FINAL RESULT';
/** Starts slowly on a busy machine, which must not use up the 2 s: the command waits until it is ready. */
const PYTHON = `import sys, time
open("ready", "w").close()
for line in sys.stdin:
  if line.startswith("FINAL"): time.sleep(0.5)
  print(line, end="")`;

test.concurrent.each([
  ['tee', `exec > >(tee build.log) 2>&1; ${COUNT}`],
  ['sed', `exec > >(sed s/x/x/); ${COUNT}`],
  ['a slow Python filter', `exec > >(python3 -c '${PYTHON}'); until [ -e ready ]; do sleep 0.01; done; ${COUNT}`],
  ['a filter that reads everything before it writes', `exec > >(sleep 0.5; cat); ${COUNT}`],
  ['a chain of filters', `exec > >(cat | cat | tee a | cat) 2>&1; ${COUNT}`],
  ['a background child', `(sleep 0.2; ${COUNT}) & exit 0`],
  ['a child in its own session', `setsid bash -c 'sleep 0.3; ${COUNT}' & exit 0`],
])('W12: output through %s is complete, and the digest covers all of it', async (_what, script) => {
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const { lines, run } = await carryOut(bash(script));
      expect(lines).toEqual([...numbers, 'FINAL RESULT']);
      expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0, digest: digestOf(lines) });
    }),
  );
});

test.concurrent('an error message that goes through a filter of standard error is in the log, and the exit code is kept', async () => {
  const { events, run } = await carryOut(bash('exec 2> >(sed "s/^/ERR: /" >&2); echo why >&2; exit 3'));
  expect(events).toContainEqual(expect.objectContaining({ kind: 'LogLine', stream: 'STDERR', message: 'ERR: why' }));
  expect(run).toMatchObject({ status: 'FAILED', exitCode: 3, failure: { reason: 'NONZERO_EXIT' } });
});

test.concurrent('children that close their pipes at different times are all read to their end', async () => {
  const script = `(sleep 0.2; echo early) & (exec >&-; sleep 0.4; echo late-err >&2) & (exec 2>&-; sleep 0.7; echo late) &
    echo first`;
  const { lines, run } = await carryOut(bash(script));
  expect(lines).toEqual(['first', 'early', 'late-err', 'late']);
  expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
});

test.concurrent('W12, W12a: a child that holds the pipes is killed after two seconds, and its output until then is kept', async () => {
  const { lines, events, run } = await carryOut([
    'sh',
    '-c',
    '(sleep 0.5; echo "holder says this"; exec sleep 30) & echo done',
  ]);
  expect(lines).toEqual(['done', 'holder says this']);
  const at = (what: (event: (typeof events)[number]) => boolean): number => events.find(what)?.timestamp ?? Number.NaN;
  const waited =
    at((event) => event.kind === 'RunFinished') - at((event) => event.kind === 'LogLine' && event.message === 'done');
  expect(waited).toBeGreaterThanOrEqual(1900);
  expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
});

test.concurrent('a child that has closed its pipes is killed at once, without waiting for it', async () => {
  const id = await startingRun(redis, { command: ['sh', '-c', 'sleep 600 >&- 2>&- & echo $!'] });
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const [pid] = messages(await readEvents(redis, id));
  await untilGone(Number(pid));
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
});

test.concurrent('a child that floods the pipes is cut off after two seconds, and the log has no hole', async () => {
  const { run, lines } = await carryOut(bash('yes flood & echo done'));
  expect(lines).toContain('done');
  expect(run).toMatchObject({ status: 'COMPLETED', digest: digestOf(lines), lines: lines.length });
});

test.concurrent.each([
  ['a cancel', false],
  ['a forced cancel', true],
])('W12b: %s that is requested while the pipes are read to their end does not change the end', async (_what, force) => {
  const script = new Script(CANCEL);
  const command = bash('(sleep 0.5; echo open; sleep 1; echo drained) & exit 0');
  const id = await startingRun(redis, { command });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'open');
  await script.run(redis, [recordKey(id), logKey(id)], ['late', force ? '1' : '', controlChannel(id)]);
  expect(await executor.exited).toBe(0);
  expect(messages(await readEvents(redis, id))).toEqual(force ? ['open'] : ['open', 'drained']);
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED', exitCode: 0, failure: null });
});

test.concurrent('W12b: a timeout that passes while the pipes are read to their end does not change the end', async () => {
  const { lines, run } = await carryOut(bash('(sleep 1.3; echo drained) & sleep 0.2; echo first'), {
    timeoutSeconds: 1,
  });
  expect(lines).toEqual(['first', 'drained']);
  expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0, failure: null });
});

test.concurrent('each attempt of a run that is tried again has its complete output', async () => {
  const command = bash('exec > >(sed s/x/x/); echo "attempt $RUN_ATTEMPT"; exit "$((2 - RUN_ATTEMPT))"');
  const { id } = await carryOut(command, { maxAttempts: 3, backoffSeconds: 0 });
  await becomeStarting(redis, id, 2);
  await using second = await startExecutor(server.url, id, { attempt: 2 });
  expect(await second.exited).toBe(0);
  expect(messages(await readEvents(redis, id))).toEqual(['attempt 1', 'attempt 2']);
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED', digest: digestOf(['attempt 2']) });
});

test.concurrent('the output of a cancelled command is read to its end too', async () => {
  const script = new Script(CANCEL);
  const command = bash(
    `trap 'echo bye; exit 0' TERM; exec > >(sleep 0.5; cat); echo ready >&2; while :; do sleep 0.05; done`,
  );
  const id = await startingRun(redis, { command });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  await script.run(redis, [recordKey(id), logKey(id)], ['enough', '', controlChannel(id)]);
  expect(await executor.exited).toBe(0);
  expect(messages(await readEvents(redis, id))).toEqual(['ready', 'bye']);
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED', exitCode: 0 });
});
