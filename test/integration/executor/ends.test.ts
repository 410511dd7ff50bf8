import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../../src/domain/run.ts';
import { seal } from '../../../src/wire/seal.ts';
import { createRun } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  becomeStarting,
  digestOf,
  fixture,
  isWhole,
  messages,
  RUN_KEY,
  readEvents,
  readRun,
  startExecutor,
  startingRun,
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

/** Runs a command until its end is stored. */
const carryOut = async (command: readonly string[], changes: Partial<RunRecord> = {}) => {
  const id = await startingRun(redis, { command, ...changes });
  await using executor = await startExecutor(server.url, id);
  const code = await executor.exited;
  const events = await readEvents(redis, id);
  return { id, code, events, run: await readRun(redis, id), lines: messages(events), printed: executor.printed() };
};
const shell = (script: string, changes: Partial<RunRecord> = {}) => carryOut(['sh', '-c', script], changes);

test('a command that exits 0 completes its run, with all its lines in one sequence without a hole', async () => {
  const { code, events, run, lines, printed } = await shell('echo one; echo two; printf three');
  expect({ code, printed }).toEqual({ code: 0, printed: '' });
  expect(lines).toEqual(['one', 'two', 'three']);
  expect(isWhole(events)).toBe(true);
  expect(events.map((event) => event.kind)).toEqual([
    'StatusChanged',
    'StatusChanged',
    'ContainerEvent',
    'StatusChanged',
    'LogLine',
    'LogLine',
    'LogLine',
    'AttemptFinished',
    'StatusChanged',
    'RunFinished',
  ]);
  expect(events.at(-1)).toMatchObject({
    status: 'COMPLETED',
    message: 'Run COMPLETED',
    exitCode: 0,
    lines: 3,
    bytes: 11,
    dropped: 0,
    digest: digestOf(lines),
  });
  expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0, failure: null, closed: true, lines: 3, bytes: 11 });
  expect(run.digest).toBe(digestOf(lines));
  expect(run.startedAt).toBeGreaterThan(0);
  expect(run.finishedAt).toBeGreaterThanOrEqual(run.startedAt ?? Number.NaN);
});

test('a non-zero exit fails the run and reports the code', async () => {
  const { code, run } = await shell('exit 3');
  expect(code).toBe(0);
  expect(run).toMatchObject({ status: 'FAILED', exitCode: 3 });
  expect(run.failure).toEqual({ reason: 'NONZERO_EXIT', message: 'The command exited with code 3.', signal: null });
});

test('a signal that the service did not send is reported by its name', async () => {
  const { run } = await shell('kill -SEGV $$');
  expect(run).toMatchObject({ status: 'FAILED', exitCode: null });
  expect(run.failure).toMatchObject({ reason: 'SIGNALLED', signal: 'SIGSEGV' });
});

test.each([32, 34, 35, 50, 63, 64])('a real-time signal, %i, does not count as success', async (number) => {
  const script = `import os, signal\nos.kill(os.getpid(), ${number})\nsignal.pause()`;
  const { run } = await carryOut(['python3', '-c', script]);
  expect(run).toMatchObject({ status: 'FAILED', exitCode: null });
  expect(run.failure).toEqual({
    reason: 'SIGNALLED',
    message: 'The command was killed by a real-time signal.',
    signal: null,
  });
});

test.each([
  ['exit 163', 163],
  ['sh -c "kill -35 \\$\\$"; exit $?', 163],
  ['exit 255', 255],
  ['exit 128', 128],
])('an exit code is reported as an exit code, also if a shell uses it for a signal: %s', async (script, exitCode) => {
  expect((await shell(script)).run).toMatchObject({ status: 'FAILED', exitCode, failure: { reason: 'NONZERO_EXIT' } });
});

test('if a signal ends a command while its children go on, that signal is reported', async () => {
  const { run } = await shell('sleep 600 >&- 2>&- & kill -ABRT $$');
  expect(run).toMatchObject({ status: 'FAILED', exitCode: null, failure: { reason: 'SIGNALLED', signal: 'SIGABRT' } });
});

test.each([
  ['a program that is not found', ['no-such-program-here'], 'The command "no-such-program-here" was not found.'],
  ['a path that does not exist', ['/nowhere/program'], 'The command "/nowhere/program" was not found.'],
  ['a file that is not executable', [fixture('not-executable')], 'is not executable.'],
  ['a directory', ['/tmp'], 'The command "/tmp" is a directory.'],
  ['a script without its interpreter', [fixture('no-interpreter')], 'its interpreter was not found.'],
  ['an argument with NUL', ['echo', 'a\0b'], 'contain a NUL character.'],
])('%s ends the run with COMMAND_NOT_STARTED and is not tried again', async (_what, command, message) => {
  const { code, run } = await carryOut(command, { maxAttempts: 3 });
  expect(code).toBe(0);
  expect(run).toMatchObject({ status: 'FAILED', exitCode: null, failure: { reason: 'COMMAND_NOT_STARTED' } });
  expect(run.failure?.message).toContain(message);
});

test('the command can open /dev/stdout and /dev/stderr, and its standard input is empty', async () => {
  const { lines, run } = await shell(
    'echo a > /dev/stdout; echo b > /dev/stderr; echo c >> /proc/self/fd/1; wc -c < /dev/stdin | tr -d " "',
  );
  expect(run.status).toBe('COMPLETED');
  expect(lines.toSorted()).toEqual(['0', 'a', 'b', 'c']);
});

test("the command's environment holds its run and its own variables, and none of the service's", async () => {
  const { id, lines } = await shell('env; pwd; ls -A | wc -l | tr -d " "', {
    input: { a: [1, 'ü'] },
    env: [
      { name: 'GREETING', value: 'hello', secret: false },
      { name: 'REDIS_URL', value: 'my own', secret: false },
    ],
  });
  const variables = new Map(lines.map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]));
  const workspace = variables.get('HOME') ?? '';
  for (const name of ['PWD', 'SHLVL', '_', 'OLDPWD', '0', workspace]) variables.delete(name);
  expect(workspace).toMatch(/\/workspace$/);
  expect(lines).toContain(workspace);
  expect(Object.fromEntries(variables)).toEqual({
    PATH: process.env.PATH,
    HOME: workspace,
    RUN_ID: id,
    RUN_ATTEMPT: '1',
    RUN_INPUT: '{"a":[1,"ü"]}',
    GREETING: 'hello',
    REDIS_URL: 'my own',
  });
});

test('secrets are opened for the command and masked in its lines and in the failure', async () => {
  const value = 'correct-horse-battery';
  const env = [{ name: 'TOKEN', value: seal(RUN_KEY, 'TOKEN', value), secret: true }];
  const { lines } = await shell('echo "token $TOKEN"; echo "length $(printf %s "$TOKEN" | wc -c | tr -d " ")"', {
    env,
  });
  expect(lines).toEqual(['token ***', `length ${value.length}`]);
  const named = await carryOut([`/nowhere/${value}`], { env });
  expect(named.run.failure?.message).not.toContain(value);
});

test('a secret sealed with another key prevents the start of the command', async () => {
  const env = [{ name: 'TOKEN', value: seal(Buffer.alloc(32, 1), 'TOKEN', 'x'), secret: true }];
  const { lines, run } = await shell('echo started', { env });
  expect(lines).toEqual([]);
  expect(run.failure).toMatchObject({ reason: 'COMMAND_NOT_STARTED' });
});

test('the record has the newest progress and the newest output', async () => {
  const { events, run } = await shell(
    'echo "::progress current=1,total=2::a"; echo "::progress current=2,total=2::b"; echo "::output::[1]"; echo "::output::null"',
  );
  const last = events.filter((event) => event.kind === 'ProgressUpdated').at(-1);
  expect(run.progress).toEqual(last);
  expect(run.progress).toMatchObject({ current: 2, label: 'b', attempt: 1 });
  expect(run.output).toBeNull();
});

test('a failed attempt is followed by the next one if there is one, and the log goes on', async () => {
  const command = ['sh', '-c', 'echo "attempt $RUN_ATTEMPT"; exit "$((2 - RUN_ATTEMPT))"'];
  const id = await startingRun(redis, { command, maxAttempts: 3, backoffSeconds: 5 });
  {
    await using first = await startExecutor(server.url, id);
    expect(await first.exited).toBe(0);
  }
  const between = await readRun(redis, id);
  expect(between).toMatchObject({ status: 'PENDING', attempt: 1, nextAttempt: 2, closed: false, finishedAt: null });
  expect(between).toMatchObject({
    exitCode: 1,
    failure: { reason: 'NONZERO_EXIT' },
    digest: digestOf(['attempt 1']),
  });
  const finished = (await readEvents(redis, id)).at(-2);
  expect(finished).toMatchObject({ kind: 'AttemptFinished', retryAt: between.retryAt });
  expect(between.retryAt).toBe((finished?.timestamp ?? 0) + 5000);

  await becomeStarting(redis, id, 2);
  await using second = await startExecutor(server.url, id, { attempt: 2 });
  expect(await second.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  expect(messages(events)).toEqual(['attempt 1', 'attempt 2']);
  expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', attempt: 2, lines: 2, digest: digestOf(['attempt 2']) });
  expect(await readRun(redis, id)).toMatchObject({ startedAt: between.startedAt, attempt: 2, closed: true });
});

test('an executor whose run does not expect its attempt starts nothing and exits with code 3', async () => {
  const pending = await createRun(redis, { command: ['sh', '-c', 'echo started'] });
  const other = await startingRun(redis, { command: ['sh', '-c', 'echo started'] });
  await using tooEarly = await startExecutor(server.url, pending);
  await using wrongAttempt = await startExecutor(server.url, other, { attempt: 2 });
  expect(await Promise.all([tooEarly.exited, wrongAttempt.exited])).toEqual([3, 3]);
  expect(await readEvents(redis, pending)).toHaveLength(1);
  expect(await readEvents(redis, other)).toHaveLength(2);
});

test('an executor that is started without REDIS_URL says what is missing', async () => {
  const id = await startingRun(redis);
  await using executor = await startExecutor(server.url, id, { variables: { REDIS_URL: '' } });
  expect(await executor.exited).toBe(78);
  expect(executor.printed()).toContain('REDIS_URL is not set');
});
