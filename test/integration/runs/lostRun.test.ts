import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { NotFound } from '../../../src/domain/errors.ts';
import { firstSeqOf, type RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { RedisLogHub } from '../../../src/log/hub.ts';
import { RedisLogReader } from '../../../src/log/reader.ts';
import type { LogViewer } from '../../../src/log/viewer.ts';
import { publishHead } from '../../../src/runs/lossyRedis/heads.ts';
import { readRun } from '../../../src/runs/records/store.ts';
import { findByEnvironment } from '../../../src/system/processIdentity.ts';
import { type EverysecRedis, startEverysec } from '../../support/redis/everysec.ts';
import { openAnnouncements, openService, quiet, specOf, type TestService, until } from '../../support/runs/runs.ts';
import { nextOf } from '../../support/source.ts';

/** The hub of another process, which has the viewers. */
const openHub = async ({ server }: EverysecRedis): Promise<{ hub: RedisLogHub; close: () => Promise<void> }> => {
  const redis = await server.connect();
  const { connection, announcements } = await openAnnouncements(server);
  const hub = new RedisLogHub({
    reader: new RedisLogReader(redis),
    announcements,
    logger: quiet,
    onAhead: (runId, head) => {
      publishHead(redis, runId, head).catch(() => undefined);
    },
  });
  const close = async (): Promise<void> => {
    await hub[Symbol.asyncDispose]();
    connection.close();
  };
  return { hub, close };
};

/** Reads until the end, an error, or `enough`. */
const follow = async (
  viewer: LogViewer,
  events: RunEvent[],
  enough: (events: readonly RunEvent[]) => boolean = () => false,
): Promise<void> => {
  while (!enough(events)) {
    const pull = await nextOf(viewer, AbortSignal.timeout(40_000));
    if (pull === null) return;
    events.push(...pull.entries.flatMap((entry) => entry.events()).filter((event) => event.seq > pull.after));
  }
};

interface Scene {
  readonly everysec: EverysecRedis;
  readonly one: TestService;
  readonly hub: RedisLogHub;
  start(command: string[]): Promise<RunId>;
}

const inScene = async (work: (scene: Scene) => Promise<void>): Promise<void> => {
  await using everysec = await startEverysec();
  const directory = await mkdtemp(join(tmpdir(), 'rl-lost-run-'));
  const { server } = everysec;
  try {
    await using one = await openService({ server, masterKey: randomBytes(32), directory, mayLoseTails: true });
    const { hub, close } = await openHub(everysec);
    const start = async (command: string[]): Promise<RunId> =>
      (await one.runs.start({ spec: specOf({ command }), idempotencyKey: null })).id;
    try {
      await work({ everysec, one, hub, start });
    } finally {
      await close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

test('W10c: a run that was created in the lost second is gone with all its parts, and its viewers get NOT_FOUND', async () => {
  await inScene(async ({ everysec, one, hub, start }) => {
    await everysec.stall();
    const id = await start(['sh', '-c', 'echo begun; exec sleep 1000']);
    const events: RunEvent[] = [];
    const viewer = await hub.open(id, {});
    await follow(viewer, events, (seen) => seen.some((event) => event.kind === 'LogLine'));
    const pids = await findByEnvironment({ RUN_ID: id });
    expect(pids.length).toBeGreaterThan(0);
    await everysec.lose();
    expect(await everysec.holds('lastSeq')).toBe(false);
    await delay(300);
    await everysec.start();
    const backAt = performance.now();
    await expect(follow(viewer, events)).rejects.toThrow(NotFound);
    const toldMs = performance.now() - backAt;
    expect(await one.runs.get(id)).toBeNull();
    await until(
      () => findByEnvironment({ RUN_ID: id }),
      (left) => left.length === 0,
    );
    const goneMs = performance.now() - backAt;
    await until(
      () => one.launcher.list(),
      (list) => list.length === 0,
    );
    await until(
      () => one.redis.keys('*'),
      (keys) => keys.every((key) => !key.includes(id)),
    );
    for (const set of ['runs', 'runs:active']) expect(await one.redis.zscore(set, id)).toBeNull();
    process.stderr.write(`NOT_FOUND after ${Math.round(toldMs)} ms, processes gone after ${Math.round(goneMs)} ms\n`);
  });
}, 120_000);

test('W10b: if the end of the log and its executor are lost, viewers of another process see no seq twice, and all go on', async () => {
  const wait =
    'while [ ! -e "$0" ]; do sleep 0.02; done; for i in $(seq 1 20); do echo "line $i"; done; exec sleep 1000';
  const flags = await mkdtemp(join(tmpdir(), 'rl-lost-tail-'));
  const go = join(flags, 'go');
  try {
    await inScene(async ({ everysec, one, hub, start }) => {
      const id = await start(['sh', '-c', wait, go]);
      const events: RunEvent[] = [];
      const viewer = await hub.open(id, {});
      const running = (seen: readonly RunEvent[]): boolean =>
        seen.some((event) => event.kind === 'StatusChanged' && event.status === 'RUNNING');
      await follow(viewer, events, running);
      const pids = await findByEnvironment({ RUN_ID: id });
      await everysec.stall();
      await writeFile(go, '');
      await follow(viewer, events, (seen) =>
        seen.some((event) => event.kind === 'LogLine' && event.message === 'line 20'),
      );
      await everysec.lose();
      expect(await everysec.holds('line 20')).toBe(false);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      const ledTo = events.at(-1)?.seq ?? 0;
      await everysec.start();
      const backAt = performance.now();
      await follow(viewer, events);
      process.stderr.write(`ended ${Math.round(performance.now() - backAt)} ms after Redis was back\n`);
      // The first seq of each event is one more than the seq before: no repeat and no gap.
      let next = 1;
      for (const event of events) {
        expect(firstSeqOf(event)).toBe(next);
        next = event.seq + 1;
      }
      expect(events.find((event) => event.seq > ledTo)?.seq).toBe(ledTo + 1);
      expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', status: 'FAILED' });
      // A later viewer gets a LinesDropped for the hole, and the rest under the same seqs.
      const late: RunEvent[] = [];
      await follow(await hub.open(id, {}), late);
      expect(late.find((event) => event.kind === 'LinesDropped')).toMatchObject({ reason: 'STORE_LOST', seq: ledTo });
      expect(late.at(-1)).toEqual(events.at(-1));
      expect(await readRun(one.redis, id)).toMatchObject({ failure: { reason: 'EXECUTOR_LOST' } });
    });
  } finally {
    await rm(flags, { recursive: true, force: true });
  }
}, 120_000);
