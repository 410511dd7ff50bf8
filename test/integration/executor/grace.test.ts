/** Stops of commands below wrappers: which processes get the stop signal, how often, and when SIGKILL follows. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { controlChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { Script } from '../../../src/wire/scripts/script.ts';
import { CANCEL } from '../../../src/wire/scripts/writeScripts.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  fixture,
  isWhole,
  messages,
  readEvents,
  readRun,
  startExecutor,
  startingRun,
  untilGone,
  untilLine,
  WAIT,
} from '../../support/runs/executor.ts';

/** Longer than any test: a command that ends was not killed at the end of the grace period. */
const GRACE_MS = 600_000;
const script = new Script(CANCEL);
let server: TestRedis;
let redis: Redis;
let directory: string;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
  directory = await mkdtemp(join(tmpdir(), 'rl-grace-'));
  const packaged = { name: 'p', version: '1.0.0', scripts: { go: `"${process.execPath}" ${slow}; echo after` } };
  await writeFile(join(directory, 'package.json'), JSON.stringify(packaged));
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const slow = fixture('slow-stop');
const NODE = `"${process.execPath}" ${slow}`;
const cancel = (id: RunId, force = false): Promise<unknown> =>
  script.run(redis, [recordKey(id), logKey(id)], ['enough', force ? '1' : '', controlChannel(id)]);
const program = async (name: string, text: string): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
};
const untilReady = (id: RunId, many = 1): Promise<void> =>
  vi.waitFor(async () => {
    const ready = messages(await readEvents(redis, id)).filter((line) => line.startsWith('ready '));
    expect(ready).toHaveLength(many);
  }, WAIT);
const told = (events: readonly RunEvent[]): string[] => messages(events).filter((line) => !line.startsWith('ready '));

type Asks = (id: RunId, child: { kill(signal: NodeJS.Signals): boolean }) => unknown;
/** Starts a command, cancels it when it is ready, and waits for its end. */
const stopped = async (
  command: readonly string[],
  changes: Partial<RunRecord> = {},
  ask: Asks = (id) => cancel(id),
) => {
  const id = await startingRun(redis, { command, cancelGraceMs: GRACE_MS, ...changes });
  await using executor = await startExecutor(server.url, id);
  await untilReady(id);
  await ask(id, executor.child);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  for (const line of messages(events)) if (line.startsWith('ready ')) await untilGone(Number(line.slice(6)));
  return { lines: told(events), run: await readRun(redis, id) };
};

test.concurrent.each([
  ['sh', ['sh', '-c', `${NODE}; echo after`]],
  ['bash', ['bash', '-c', `${NODE}; echo after`]],
  ['a script with set -e', ['bash', '-c', `set -e\n${NODE}\necho after`]],
  ['a shell in a shell', ['sh', '-c', `sh -c 'sh -c "${process.execPath} ${slow}; echo a"; echo b'; echo c`]],
  ['xargs', ['sh', '-c', `echo ${slow} | xargs -n 1 "${process.execPath}"`]],
  ['a background child', ['sh', '-c', `${NODE} & sleep 600`]],
  ['a child in its own session', ['sh', '-c', `setsid ${NODE} & sleep 600`]],
])('W13, W13a: a program below %s gets one SIGTERM and has the grace period to end', async (_what, command) => {
  const { lines, run } = await stopped(command);
  expect(lines.filter((line) => line !== 'Terminated')).toEqual(['TERM 1', 'clean']);
  expect(run).toMatchObject({ status: 'CANCELLED', exitCode: null, failure: null });
});

test.concurrent.each([
  ['a pipeline', ['sh', '-c', `${NODE} | cat; echo after`]],
  ['a process substitution', ['bash', '-c', `exec > >(tee log) 2>&1; ${NODE}; echo after`]],
])(
  'W13b: the filter of %s is stopped after the program that writes to it, whose last output comes through',
  async (_what, command) => {
    const { lines, run } = await stopped(command);
    expect(lines.filter((line) => line !== 'Terminated')).toEqual(['TERM 1', 'clean']);
    expect(run).toMatchObject({ status: 'CANCELLED', exitCode: null, failure: null });
  },
);

test.concurrent('a program started by Python as a subprocess has the grace period to end', async () => {
  const path = await program(
    'start.py',
    `import subprocess, sys\nsubprocess.run([r"${process.execPath}", r"${slow}"])\n`,
  );
  const { lines, run } = await stopped(['python3', path]);
  expect(lines).toEqual(['TERM 1', 'clean']);
  expect(run).toMatchObject({ status: 'CANCELLED', exitCode: null });
});

test.concurrent('an EXIT trap of a wrapper runs, and the program below it has the grace period', async () => {
  const { lines } = await stopped(['bash', '-c', `trap 'echo trapped' EXIT; ${NODE}; echo after`]);
  expect(lines.toSorted()).toEqual(['TERM 1', 'clean', 'trapped']);
});

test.concurrent.each([
  ['npm run', ['run', '--silent', 'go']],
  ['npx', ['exec', '--offline', '-c', `${NODE}; echo after`]],
])('a program below %s has the grace period to end', async (_what, args) => {
  const { lines } = await stopped(['sh', '-c', `cd ${directory} && exec npm "$@"`, 'sh', ...args]);
  expect(lines).toContain('TERM 1');
  expect(lines).toContain('clean');
  expect(lines).not.toContain('TERM 2');
});

test.concurrent.each([
  ['waits', `trap 'kill -TERM $p; wait $p' TERM; ${NODE} & p=$!; wait $p`],
  ['waits again and again', `trap 'kill -TERM $p' TERM; ${NODE} & p=$!; wait $p; wait $p`],
  ['does not wait', `trap 'kill -TERM $p' TERM; ${NODE} & p=$!; wait $p`],
  ['is below another wrapper', `trap 'kill -TERM $p; wait $p' TERM; sh -c '${NODE}' & p=$!; wait $p`],
])('W13a: a program gets one SIGTERM below a wrapper that forwards it and %s', async (_what, command) => {
  const { lines, run } = await stopped(['bash', '-c', command]);
  expect(lines).toEqual(['TERM 1', 'clean']);
  expect(run.status).toBe('CANCELLED');
});

test.concurrent('a timeout gives the same grace period', async () => {
  const { lines, run } = await stopped(['sh', '-c', `${NODE}; echo after`], { timeoutSeconds: 5 }, () => undefined);
  expect(lines).toEqual(['TERM 1', 'clean']);
  expect(run).toMatchObject({ status: 'FAILED', failure: { reason: 'TIMEOUT', signal: 'SIGTERM' } });
});

test.concurrent('a SIGTERM to the executor gives the same grace period, and stops the command only once, however often it comes', async () => {
  const { lines, run } = await stopped(['sh', '-c', `${NODE}; echo after`], {}, async (id, child) => {
    child.kill('SIGTERM');
    await untilLine(redis, id, 'TERM 1');
    child.kill('SIGTERM');
  });
  expect(lines).toEqual(['TERM 1', 'clean']);
  expect(run).toMatchObject({ status: 'FAILED', failure: { reason: 'SIGNALLED', signal: 'SIGTERM' } });
});

test.concurrent("W12c: the exit code is that of the command's main process, whatever its child processes do", async () => {
  const { run } = await stopped(['bash', '-c', `trap 'exit 7' TERM; ${NODE} & wait`]);
  expect(run).toMatchObject({ status: 'CANCELLED', exitCode: 7 });
});

test.concurrent('W13c: a program below a wrapper that ignores the signal is killed when the grace period has passed, and not before', async () => {
  const deaf = `trap "" TERM; echo "ready $$"; i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.2; done`;
  const { lines, run } = await stopped(['sh', '-c', `sh -c '${deaf}'; echo after`], { cancelGraceMs: 2000 });
  expect(lines.length).toBeGreaterThan(5);
  expect(run).toMatchObject({ status: 'CANCELLED', exitCode: null });
});

test.concurrent('a forced cancel after a normal one kills processes whose wrapper is gone', async () => {
  const deaf = 'trap "" TERM; echo "ready $$"; while :; do sleep 0.1; done';
  const { run } = await stopped(['sh', '-c', `echo "leader $$"; sh -c '${deaf}'; echo after`], {}, async (id) => {
    await cancel(id);
    const leader = messages(await readEvents(redis, id)).find((line) => line.startsWith('leader '));
    await untilGone(Number(leader?.slice(7)));
    await cancel(id, true);
  });
  expect(run).toMatchObject({ status: 'CANCELLED' });
});

test.concurrent('a zombie that is never reaped does not delay the end', async () => {
  const parent = `import os, time, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(4))
if os.fork() == 0: os._exit(0)
print("ready", os.getpid(), flush=True)
time.sleep(600)`;
  const { run } = await stopped(['python3', '-c', parent]);
  expect(run).toMatchObject({ status: 'CANCELLED', exitCode: 4 });
});
