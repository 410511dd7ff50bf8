import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunSpec } from '../../../src/domain/run.ts';
import { findByEnvironment } from '../../../src/system/processIdentity.ts';
import { type EverysecRedis, startEverysec } from '../../support/redis/everysec.ts';
import { openService, specOf, storedEvents, type TestService, until, untilFinished } from '../../support/runs/runs.ts';

const masterKey = randomBytes(32);

/** The bytes in the file on disk of the record's change by the marker (the events can be compressed). */
const ON_DISK = {
  RunFinished: '$6\r\nclosed\r\n$1\r\n1\r\n',
  AttemptFinished: '$11\r\nnextAttempt\r\n$1\r\n2\r\n',
} as const;

interface Lost {
  readonly everysec: EverysecRedis;
  readonly one: TestService;
  readonly directory: string;
  readonly id: RunId;
  /** The events that a viewer had seen when the power failed. */
  readonly seen: readonly RunEvent[];
}

interface Loss {
  readonly spec: Partial<RunSpec>;
  /** The event that must be in the lost second. */
  readonly marker: keyof typeof ON_DISK;
  readonly beforeLoss?: (one: TestService, id: RunId) => Promise<void>;
  readonly mayLoseTails?: boolean;
}

/**
 * Runs the command and loses the power of Redis as soon as the marker is stored. Starts again with a new Redis if the
 * marker was already on disk. Redis is off when `work` begins.
 */
const afterLoss = async (loss: Loss, work: (lost: Lost) => Promise<void>): Promise<void> => {
  for (let tries = 0; tries < 8; tries += 1) {
    await using everysec = await startEverysec();
    const directory = await mkdtemp(join(tmpdir(), 'rl-lost-end-'));
    const { spec, marker, beforeLoss, mayLoseTails = true } = loss;
    try {
      await using one = await openService({ server: everysec.server, masterKey, directory, mayLoseTails });
      const { id } = await one.runs.start({ spec: specOf(spec), idempotencyKey: null });
      const seen = await until(
        () => storedEvents(one.redis, id),
        (events) => events.some((event) => event.kind === marker),
      );
      await beforeLoss?.(one, id);
      await everysec.lose();
      // Lost too much if the run is gone, and nothing if the marker is on disk.
      if ((await everysec.holds(ON_DISK[marker])) || !(await everysec.holds(`run:{${id}}`))) continue;
      await work({ everysec, one, directory, id, seen });
      return;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  throw new Error('the marker was on disk at each try');
};

const executorsOf = (id: RunId): Promise<readonly number[]> => findByEnvironment({ RUN_ID: id });
const ends = (events: readonly RunEvent[]): RunEvent[] => events.filter((event) => event.kind === 'RunFinished');
const COMMAND = ['sh', '-c', 'for i in 1 2 3 4 5; do echo "line $i"; sleep 0.05; done; exit 3'];

for (const awayMs of [300, 8000]) {
  test(`W4d, W4e: an end in the lost second comes back under its seqs, with Redis away for ${awayMs} ms`, async () => {
    const loss: Loss = { spec: { command: COMMAND }, marker: 'RunFinished' };
    await afterLoss(loss, async ({ everysec, one, id, seen }) => {
      await delay(awayMs);
      await everysec.start();
      const ended = await untilFinished(one.runs, id);
      expect(ended).toMatchObject({ status: 'FAILED', failure: { reason: 'NONZERO_EXIT' }, exitCode: 3 });
      // Any process that wanted to write another end has done it by then.
      await until(
        () => executorsOf(id),
        (pids) => pids.length === 0,
      );
      await until(
        () => one.launcher.list(),
        (list) => list.length === 0,
      );
      const events = await storedEvents(one.redis, id);
      expect(events).toEqual(seen);
      expect(ends(events)).toHaveLength(1);
    });
  }, 90_000);
}

test('W4g, W10: an end that a killed executor cannot restore is restored by the supervisor that saw it, and no other end is written', async () => {
  const beforeLoss = async (one: TestService, id: RunId): Promise<void> => {
    // The run has left `runs:active`, so the supervisor has seen its end.
    await until(
      () => one.redis.zscore('runs:active', id),
      (score) => score === null,
    );
    for (const pid of await executorsOf(id)) process.kill(pid, 'SIGKILL');
  };
  await afterLoss(
    { spec: { command: COMMAND }, marker: 'RunFinished', beforeLoss },
    async ({ everysec, one, directory, id, seen }) => {
      await delay(500);
      await everysec.start();
      // Another process sees the same unfinished run, and does not know of an end.
      await using _two = await openService({ server: everysec.server, masterKey, directory, mayLoseTails: true });
      const ended = await untilFinished(one.runs, id);
      expect(ended).toMatchObject({ status: 'FAILED', failure: { reason: 'NONZERO_EXIT' }, exitCode: 3 });
      const events = await storedEvents(one.redis, id);
      expect(events.slice(-3)).toEqual(seen.slice(-3));
      for (const event of events) expect(seen).toContainEqual(event);
      expect(ended.lastSeq).toBe(seen.length);
    },
  );
}, 90_000);

test('the end of an attempt in the lost second is restored, and the next attempt follows it', async () => {
  const spec = { command: COMMAND, maxAttempts: 2, backoffSeconds: 1 };
  await afterLoss({ spec, marker: 'AttemptFinished' }, async ({ everysec, one, id, seen }) => {
    await delay(500);
    await everysec.start();
    const ended = await untilFinished(one.runs, id, 30_000);
    expect(ended).toMatchObject({ status: 'FAILED', attempt: 2, failure: { reason: 'NONZERO_EXIT' } });
    const events = await storedEvents(one.redis, id);
    expect(events.slice(0, seen.length)).toEqual(seen);
    expect(events.every((event, at) => event.seq === at + 1)).toBe(true);
    expect(events.filter((event) => event.kind === 'AttemptFinished')).toHaveLength(2);
    expect(ends(events)).toHaveLength(1);
  });
}, 90_000);

test('W4f: no request of a user waits for the guard period of an executor', async () => {
  await using everysec = await startEverysec();
  const directory = await mkdtemp(join(tmpdir(), 'rl-lost-end-'));
  try {
    await using one = await openService({
      server: everysec.server,
      masterKey,
      directory,
      mayLoseTails: true,
      maxConcurrentRuns: 1,
    });
    const { runs } = one;
    const first = await runs.start({ spec: specOf(), idempotencyKey: null });
    const ended = await untilFinished(runs, first.id);
    expect(await executorsOf(first.id)).toHaveLength(1);
    expect(ended).toMatchObject(await runs.cancel(first.id, 'late', true));
    // The only slot is free: the retry ends while the first executor is still there.
    const retried = await runs.retry(first.id);
    expect((await untilFinished(runs, retried.id)).status).toBe('COMPLETED');
    const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
    await untilFinished(runs, id);
    expect(await executorsOf(id)).toHaveLength(1);
    await runs.delete(id);
    // The run was removed, so the executor finds nothing to restore.
    await until(
      () => executorsOf(id),
      (pids) => pids.length === 0,
    );
    expect(await runs.get(id)).toBeNull();
    await until(
      () => one.launcher.list(),
      (list) => list.length === 0,
    );
    expect(await executorsOf(first.id)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
