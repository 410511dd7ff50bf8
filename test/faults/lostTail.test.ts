import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firstSeqOf } from '../../src/domain/events.ts';
import { RedisLogReader } from '../../src/log/reader.ts';
import { findByEnvironment } from '../../src/system/processIdentity.ts';
import { loseTail } from '../support/redis/loseTail.ts';
import { startRedis } from '../support/redis/redis.ts';
import { openService, specOf, until, untilFinished } from '../support/runs/runs.ts';

test('W4c: if the end of the log and its executor are lost together, the supervisor continues after what was seen, and the hole is told', async () => {
  await using server = await startRedis();
  const directory = await mkdtemp(join(tmpdir(), 'rl-tail-'));
  try {
    await using one = await openService({ server, masterKey: randomBytes(32), directory });
    const { runs } = one;
    const { redis } = one;
    const command = ['sh', '-c', 'for i in 1 2 3 4 5 6; do echo "line $i"; sleep 0.1; done; exec sleep 60'];
    const { id } = await runs.start({ spec: specOf({ command }), idempotencyKey: null });
    await until(
      () => runs.get(id),
      (run) => run?.lines === 6,
    );
    const seen = await runs.get(id);
    // The supervisor reads the record every 2 s.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const pids = await findByEnvironment({ RUN_ID: id });
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await loseTail(redis, id, 3);
    expect(await runs.get(id)).toMatchObject({ lines: 3, lastSeq: (seen?.lastSeq ?? 0) - 3 });
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    const ended = await untilFinished(runs, id);
    expect(ended).toMatchObject({ status: 'FAILED', failure: { reason: 'EXECUTOR_LOST' }, lines: 6, dropped: 3 });
    const page = await new RedisLogReader(redis).forward(id, 0, 1000);
    const events = page?.entries.flatMap((entry) => entry.events()) ?? [];
    let next = 1;
    for (const event of events) {
      expect(firstSeqOf(event)).toBe(next);
      next = event.seq + 1;
    }
    const hole = events.find((event) => event.kind === 'LinesDropped');
    expect(hole).toMatchObject({ seq: seen?.lastSeq, count: 3, reason: 'STORE_LOST' });
    expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', lines: 6, dropped: 3 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
