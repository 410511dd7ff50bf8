import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { firstSeqOf } from '../../../src/domain/events.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { storedEntries } from '../../support/log.ts';
import { startCuttingProxy } from '../../support/network/cuttingProxy.ts';
import { loseTail } from '../../support/redis/loseTail.ts';
import { startRedis } from '../../support/redis/redis.ts';
import {
  digestOf,
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

const APPEND_ONLY = ['--appendonly', 'yes', '--appendfsync', 'always'];
const count = (to: number): string[] => Array.from({ length: to }, (_, at) => `line ${at + 1}`);

/** Calls `work` with a directory for files that outlive a server. */
const withFiles = async (work: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-kept-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

test('E5: the digest of 200,000 lines is the SHA-256 over their messages, in order', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: ['seq', '-f', 'line %.0f of a flood of lines', '200000'] });
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  const lines = messages(events);
  expect(isWhole(events)).toBe(true);
  expect(lines).toHaveLength(200_000);
  expect(lines.every((line, at) => line === `line ${at + 1} of a flood of lines`)).toBe(true);
  expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', lines: 200_000, digest: digestOf(lines) });
  expect(await redis.xlen(logKey(id))).toBeLessThan(2000);
});

test('a flood of empty lines is divided into batches that the store accepts', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: ['sh', '-c', 'yes "" | head -n 300000'] });
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  expect(events.at(-1)).toMatchObject({ lines: 300_000, bytes: 0, digest: digestOf(messages(events)) });
});

test('if Redis is killed and started again in the middle, nothing is lost', async () => {
  await withFiles(async (directory) => {
    let server = await startRedis({ directory, config: APPEND_ONLY });
    try {
      const id = await startingRun(await server.connect(), { command: [fixture('counts.sh'), '40', '0.05'] });
      await using executor = await startExecutor(server.url, id);
      await untilLine(await server.connect(), id, 'line 5');
      await server.stop();
      server = await startRedis({ directory, config: APPEND_ONLY });
      expect(await executor.exited).toBe(0);
      const events = await readEvents(await server.connect(), id);
      expect(isWhole(events)).toBe(true);
      expect(messages(events)).toEqual(count(40));
      expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', digest: digestOf(count(40)) });
    } finally {
      await server.stop();
    }
  });
});

test('lost replies make no duplicates', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  await using proxy = await startCuttingProxy(server.socketPath, 'evalsha', 3);
  const id = await startingRun(redis, { command: [fixture('counts.sh'), '30', '0.03'] });
  await using executor = await startExecutor(proxy.url, id);
  expect(await executor.exited).toBe(0);
  expect(proxy.cuts()).toBeGreaterThan(3);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  expect(messages(events)).toEqual(count(30));
  expect(await readRun(redis, id)).toMatchObject({ status: 'COMPLETED', lines: 30, lastSeq: events.length });
});

test('W4: the executor sends again under the same seqs what Redis lost', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: [fixture('counts.sh'), '30', '0.05'] });
  await using executor = await startExecutor(server.url, id);
  for (const [line, entries] of [
    ['line 5', 3],
    ['line 12', 1],
    ['line 20', 7],
  ] as const) {
    await untilLine(redis, id, line);
    expect(await loseTail(redis, id, entries)).toBe(entries);
  }
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  expect(messages(events)).toEqual(count(30));
  const run = await readRun(redis, id);
  expect(run).toMatchObject({ status: 'COMPLETED', lines: 30, lastSeq: events.length, digest: digestOf(count(30)) });
});

test('W4b: if Redis lost more than the executor has, the command goes on and readers get a LinesDropped (STORE_LOST)', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  // More than LIMITS.executorBufferBytes, of lines that do not compress, and a line after Redis lost its newest events.
  const program =
    'const { randomBytes } = require("crypto"); const { writeSync, existsSync } = require("fs"); \
    for (let i = 1; i <= 1600; i += 1) writeSync(1, i + " " + randomBytes(9216).toString("base64") + "\\n"); \
    const wait = () => existsSync("go") ? writeSync(1, "after\\n") : setTimeout(wait, 50); wait();';
  const id = await startingRun(redis, { command: [process.execPath, '-e', program] });
  await using executor = await startExecutor(server.url, id);
  await vi.waitFor(async () => expect((await readRun(redis, id)).lines).toBe(1600), WAIT);
  const before = await readRun(redis, id);
  const entries = await redis.xlen(logKey(id));
  await loseTail(redis, id, entries - 2);
  await redis.hset(recordKey(id), { status: 'STARTING', startedAt: '' });
  expect(await readRun(redis, id)).toMatchObject({ lastSeq: 2, lines: 0 });
  // The executor notices it within two seconds, though its command prints nothing.
  await vi.waitFor(async () => expect(await readRun(redis, id)).toMatchObject({ lastSeq: before.lastSeq }), WAIT);
  expect(await readRun(redis, id)).toMatchObject({ status: 'RUNNING', startedAt: before.startedAt });
  await writeFile(join(executor.directory, 'workspace', 'go'), '');
  expect(await executor.exited).toBe(0);
  const events = (await storedEntries(redis, id)).flatMap((entry) => entry.events());
  const hole = events.find((event) => event.kind === 'LinesDropped');
  expect(hole).toMatchObject({ fromSeq: 3, reason: 'STORE_LOST' });
  let next = 1;
  for (const event of events) {
    expect(firstSeqOf(event)).toBe(next);
    next = event.seq + 1;
  }
  const lines = messages(events);
  expect(lines.at(-1)).toBe('after');
  const run = await readRun(redis, id);
  expect(run).toMatchObject({ status: 'COMPLETED', lines: 1601, dropped: 1601 - lines.length, attempt: 1 });
  expect(run.startedAt).toBe(before.startedAt);
  expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', lines: 1601, dropped: 1601 - lines.length });
});

test("a Redis restored from older files, from before the executor's first entry, is brought up to date while the command is idle", async () => {
  await withFiles(async (directory) => {
    let server = await startRedis({ directory, config: APPEND_ONLY });
    const older = join(directory, 'older');
    try {
      const redis = await server.connect();
      const command = ['sh', '-c', 'echo one; echo two; until [ -e go ]; do sleep 0.05; done'];
      const id = await startingRun(redis, { command });
      await cp(join(directory, 'appendonlydir'), older, { recursive: true });
      await using executor = await startExecutor(server.url, id);
      await untilLine(redis, id, 'two');
      const before = await readEvents(redis, id);
      await server.stop();
      // The executor can't reach this port. On its own port it could restore events before the check.
      await withFiles(async (elsewhere) => {
        await cp(older, join(elsewhere, 'appendonlydir'), { recursive: true });
        await using copy = await startRedis({ directory: elsewhere, config: APPEND_ONLY });
        expect((await readEvents(await copy.connect(), id)).length).toBeLessThan(before.length);
      });
      await rm(join(directory, 'appendonlydir'), { recursive: true });
      await cp(older, join(directory, 'appendonlydir'), { recursive: true });
      server = await startRedis({ directory, config: APPEND_ONLY });
      const again = await server.connect();
      await vi.waitFor(async () => expect(await readEvents(again, id)).toEqual(before), WAIT);
      expect(await readRun(again, id)).toMatchObject({ status: 'RUNNING', attempt: 1, lines: 2 });
      await writeFile(join(executor.directory, 'workspace', 'go'), '');
      expect(await executor.exited).toBe(0);
      expect(await readRun(again, id)).toMatchObject({ status: 'COMPLETED', closed: true });
    } finally {
      await server.stop();
    }
  });
});

test('W1: a second executor fences the first, whose command is killed and whose later lines are not stored', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, {
    command: ['sh', '-c', 'echo "pid $$"; i=0; until [ -e go ]; do i=$((i+1)); echo "$$ says $i"; sleep 0.1; done'],
  });
  await using first = await startExecutor(server.url, id);
  const pidsOf = (lines: readonly string[]): number[] =>
    lines.filter((line) => line.startsWith('pid ')).map((line) => Number(line.slice(4)));
  const pidOf = (lines: readonly string[]): number => pidsOf(lines)[0] ?? Number.NaN;
  await vi.waitFor(async () => expect(pidOf(messages(await readEvents(redis, id)))).toBeGreaterThan(0), WAIT);
  const fenced = pidOf(messages(await readEvents(redis, id)));
  await using second = await startExecutor(server.url, id);
  expect(await first.exited).toBe(4);
  await untilGone(fenced);
  await vi.waitFor(async () => expect(pidsOf(messages(await readEvents(redis, id)))).toHaveLength(2), WAIT);
  await writeFile(join(second.directory, 'workspace', 'go'), '');
  expect(await second.exited).toBe(0);
  const events = await readEvents(redis, id);
  const lines = messages(events);
  expect(isWhole(events)).toBe(true);
  const taken = lines.findLastIndex((line) => line.startsWith('pid '));
  const [, own] = pidsOf(lines);
  expect(own).not.toBe(fenced);
  const said = lines.slice(taken + 1);
  expect(said).toEqual(said.map((_, at) => `${own} says ${at + 1}`));
  expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', lines: lines.length, digest: digestOf(lines) });
});

test('if a run is removed while it is executed, its command is killed', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: ['sh', '-c', 'echo "$$"; exec sleep 60'] });
  await using executor = await startExecutor(server.url, id);
  await vi.waitFor(async () => expect(messages(await readEvents(redis, id))).toHaveLength(1), WAIT);
  const pid = Number(messages(await readEvents(redis, id))[0]);
  await redis.del(recordKey(id), logKey(id));
  expect(await executor.exited).toBe(4);
  await untilGone(pid);
});

const rssMb = async (pid: number): Promise<number> =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

test('while Redis hangs, a flooding command waits and the executor stays small; afterwards nothing is missing', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  // Lines that do not compress well, so that the bound matters.
  const program =
    'const { randomBytes } = require("crypto"); const { writeSync } = require("fs"); \
    writeSync(1, "ready\\n"); for (let i = 0; i < 3000; i += 1) writeSync(1, randomBytes(12288).toString("base64") + "\\n")';
  const id = await startingRun(redis, { command: [process.execPath, '-e', program] });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'ready');
  process.kill(server.pid, 'SIGSTOP');
  try {
    let largest = 0;
    let still = 0;
    let before = -1;
    // The command is blocked: what it has written does not change for a second.
    await vi.waitFor(
      async () => {
        largest = Math.max(largest, await rssMb(executor.pid));
        const io = await readFile(`/proc/${executor.pid}/io`, 'utf8');
        const read = Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
        still = read - before < 65_536 ? still + 1 : 0;
        before = read;
        expect(still).toBeGreaterThan(10);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(before).toBeLessThan(3 * LIMITS.executorBufferBytes);
    expect(largest).toBeLessThan(200);
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  expect(await executor.exited).toBe(0);
  const run = await readRun(redis, id);
  expect(run).toMatchObject({ status: 'COMPLETED', lines: 3001, bytes: 5 + 3000 * 16_384 });
  expect(digestOf(messages(await readEvents(redis, id)))).toBe(run.digest);
});

test('the executor waits for a Redis that is out of memory, and reports its refusal', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: [fixture('counts.sh'), '20', '0.02'] });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'line 3');
  await redis.config('SET', 'maxmemory', '1');
  await expect(redis.set('probe', '1')).rejects.toThrow('OOM');
  await vi.waitFor(
    async () => expect(await redis.info('errorstats')).toMatch(/errorstat_OOM:count=([2-9]|\d\d)/),
    WAIT,
  );
  await redis.config('SET', 'maxmemory', '0');
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  expect(isWhole(events)).toBe(true);
  expect(messages(events)).toEqual(count(20));
  // Printed once, and without the data.
  expect(executor.printed().match(/Redis refused a command, retrying: OOM /g)).toHaveLength(1);
  expect(executor.printed()).not.toContain('line 3');
});
