import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { controlChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { Script } from '../../../src/wire/scripts/script.ts';
import { CANCEL } from '../../../src/wire/scripts/writeScripts.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  fixture,
  messages,
  readEvents,
  readRun,
  startExecutor,
  startingRun,
  untilGone,
  untilLine,
  untilStatus,
  WAIT,
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

const script = new Script(CANCEL);
/** Requests a cancel as the API does. `channel`: where the hint is published. */
const cancel = async (id: RunId, force = false, channel = controlChannel(id)): Promise<void> => {
  await script.run(redis, [recordKey(id), logKey(id)], ['enough', force ? '1' : '', channel]);
};

test('a cancelled command gets SIGTERM, and its run ends CANCELLED even if it exits 0', async () => {
  const id = await startingRun(redis, { command: [fixture('obeys-term.sh')] });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  await cancel(id);
  expect(await executor.exited).toBe(0);
  expect(messages(await readEvents(redis, id))).toContain('bye');
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED', exitCode: 0, failure: null, closed: true });
  expect((await readEvents(redis, id)).at(-1)).toMatchObject({ message: 'Run CANCELLED: enough' });
});

test('W13c, W13d: a command that ignores SIGTERM is killed after the grace period, with its whole group', async () => {
  const id = await startingRun(redis, { command: [fixture('ignores-term.sh')], cancelGraceMs: 600, maxAttempts: 3 });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  await cancel(id);
  await untilLine(redis, id, 'not yet');
  expect(await executor.exited).toBe(0);
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED', exitCode: null, retryAt: null, closed: true });
});

test('a forced cancel kills at once, also if it comes after a normal one', async () => {
  const id = await startingRun(redis, { command: [fixture('ignores-term.sh')], cancelGraceMs: 60_000 });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  await cancel(id);
  await untilLine(redis, id, 'not yet');
  await cancel(id, true);
  expect(await executor.exited).toBe(0);
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED', exitCode: null });
});

test('a cancel is noticed even if its hint is lost and the command prints nothing', async () => {
  const id = await startingRun(redis, { command: ['sleep', '60'] });
  await using executor = await startExecutor(server.url, id);
  await untilStatus(redis, id, 'RUNNING');
  await vi.waitFor(
    async () => expect(await redis.pubsub('NUMSUB', controlChannel(id))).toEqual([controlChannel(id), 1]),
    WAIT,
  );
  await cancel(id, false, 'nobody listens here');
  expect(await executor.exited).toBe(0);
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED' });
});

test('a run that was cancelled before its executor started ends without starting the command', async () => {
  const id = await startingRun(redis, { command: ['sh', '-c', 'echo started'] });
  await cancel(id);
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(messages(events)).toEqual([]);
  expect(events.slice(2).map((event) => event.kind)).toEqual(['AttemptFinished', 'StatusChanged', 'RunFinished']);
  expect(await readRun(redis, id)).toMatchObject({ status: 'CANCELLED', startedAt: null, closed: true });
});

test('a timeout takes the same steps and fails the attempt, which is tried again', async () => {
  const id = await startingRun(redis, {
    command: [fixture('ignores-term.sh')],
    timeoutSeconds: 1,
    cancelGraceMs: 300,
    maxAttempts: 2,
  });
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const run = await readRun(redis, id);
  expect(run).toMatchObject({ status: 'PENDING', nextAttempt: 2, failure: { reason: 'TIMEOUT', signal: 'SIGKILL' } });
  expect(run.failure?.message).toBe('The timeout of 1 second passed.');
});

test('a timeout that passed before a cancel stays a timeout, and no attempt follows', async () => {
  const id = await startingRun(redis, {
    command: [fixture('ignores-term.sh')],
    timeoutSeconds: 1,
    cancelGraceMs: 1500,
    maxAttempts: 2,
  });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'not yet');
  await cancel(id);
  expect(await executor.exited).toBe(0);
  expect(await readRun(redis, id)).toMatchObject({ status: 'FAILED', failure: { reason: 'TIMEOUT' }, closed: true });
});

test('a SIGTERM to the executor reaches the command, whose clean exit does not count as completed', async () => {
  const id = await startingRun(redis, { command: [fixture('obeys-term.sh')] });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  executor.child.kill('SIGTERM');
  expect(await executor.exited).toBe(0);
  expect(messages(await readEvents(redis, id))).toContain('bye');
  expect(await readRun(redis, id)).toMatchObject({ status: 'FAILED', exitCode: 0, failure: { reason: 'SIGNALLED' } });
});

test('W13d: a grandchild that left the session and holds the pipes is killed, and the run ends', async () => {
  const id = await startingRun(redis, { command: [fixture('leaves-session.sh')] });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'done');
  expect(await executor.exited).toBe(0);
  const grandchild = messages(await readEvents(redis, id)).find((line) => line.startsWith('grandchild '));
  await untilGone(Number(grandchild?.split(' ')[1]));
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
});

test('a process that keeps the pipes open and cannot be found does not delay the end', async () => {
  // Without RUN_ID in its environment it is not found, like a process that may not be killed.
  const id = await startingRun(redis, {
    command: ['sh', '-c', 'env -i PATH="$PATH" setsid sh -c "echo \\$\\$; exec sleep 300" & sleep 0.3; echo done'],
  });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'done');
  expect(await executor.exited).toBe(0);
  const [holder] = messages(await readEvents(redis, id));
  // kill fails if the process has ended: then it did not keep the pipes open.
  process.kill(Number(holder), 'SIGKILL');
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED' });
});

test('a SIGTERM after the claim, while the pipes are made, ends the attempt without its command', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-slow-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  // The executor makes its pipes with the first mkfifo of PATH.
  const slow = `#!/bin/sh\nwhile [ ! -e ${directory}/go ]; do sleep 0.02; done\nPATH="\${PATH#*:}" exec mkfifo "$@"\n`;
  await writeFile(join(directory, 'mkfifo'), slow, { mode: 0o755 });
  const id = await startingRun(redis, { command: ['touch', join(directory, 'started')] });
  const seen: string[] = [];
  const monitor = await redis.monitor();
  onTestFinished(() => monitor.disconnect());
  monitor.on('monitor', (_time: string, [name = '']: readonly string[]) => seen.push(name.toLowerCase()));
  await using executor = await startExecutor(server.url, id, {
    variables: { PATH: `${directory}:${process.env.PATH}` },
  });
  // The claim ends with reading the newest batches. After three keep-alive questions of its two connections the executor
  // has the reply.
  const asksAfterClaim = (): number => {
    const at = seen.indexOf('xrevrange');
    return at < 0 ? 0 : seen.slice(at).filter((name) => name === 'xdel').length;
  };
  await vi.waitFor(() => expect(asksAfterClaim()).toBeGreaterThanOrEqual(3), WAIT);
  executor.child.kill('SIGTERM');
  await writeFile(join(directory, 'go'), '');
  expect(await executor.exited).toBe(0);
  const failure = { reason: 'SIGNALLED', signal: 'SIGTERM' };
  expect(await readRun(redis, id)).toMatchObject({ status: 'FAILED', exitCode: null, failure });
  expect(existsSync(join(directory, 'started'))).toBe(false);
});
