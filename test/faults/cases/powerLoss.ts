/** Case 5: Redis loses what it had not yet synced, or everything. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import { recordKey } from '../../../src/wire/keys.ts';
import type { FaultCase } from '../faultCase.ts';
import { atEach, following } from '../follow/following.ts';
import { together, type Verdict } from '../follow/verdict.ts';
import { Viewer } from '../follow/viewer.ts';
import { numbered, numberedWide, runOf, type Scene, scenario } from '../scenario.ts';
import { loseUnsynced, makeFsyncRecorder, untilUnsynced } from '../stack/powerLoss.ts';
import { Stack } from '../stack/stack.ts';

const keyOf = (runId: string): string => recordKey(parseRunId(runId) as RunId);

const powerLoss = (redis: 'private' | 'everysec', name: string, title: string): FaultCase =>
  following({
    number: 5,
    name,
    title,
    power: true,
    stack: { redis },
    // Long enough that the run is unfinished at each of them: losing the end is another case.
    seconds: ({ seconds }) => Math.max(seconds, 9),
    faults: (scene) =>
      atEach(scene, [0.1, 0.3, 0.5], async () => {
        const { stack, runId, note, problem } = scene;
        const pid = await stack.redisPid();
        const acknowledged = Number(await (await stack.admin()).hget(keyOf(runId), 'lastSeq'));
        const lost = await loseUnsynced(stack.redisDirectory, pid);
        if (redis === 'private') await stack.untilRedisOtherThan(pid);
        else {
          await stack.killRedis();
          await delay(300);
          await stack.startRedis();
        }
        const admin = await stack.admin();
        await admin.ping();
        note(`${lost} bytes after the last sync were lost; the last acknowledged seq was ${acknowledged}`);
        if (redis === 'private') {
          const now = Number(await admin.hget(keyOf(runId), 'lastSeq'));
          if (now < acknowledged) problem(`seq ${acknowledged} was acknowledged, but the disk ends at ${now}`);
        }
        return 1;
      }),
  });

export const powerLossAlways = powerLoss(
  'private',
  'power-loss-private',
  'power failure of the private Redis (fsync always): nothing acknowledged is lost',
);
export const powerLossEverysec = powerLoss(
  'everysec',
  'power-loss-everysec',
  "power failure of an operator's Redis (everysec): the executor stores the lost events again, with the same seqs",
);

const END_LINES = 400;
const END_SECONDS = 2;

/** Waits until the end is stored, then loses the last second. Returns 1 if the end was really lost. */
const loseEnd = async ({ stack, runId, note, problem, bench, allEnded }: Scene): Promise<number> => {
  const redis = await stack.admin();
  const ended = (): Promise<boolean> => redis.hget(keyOf(runId), 'closed').then((closed) => closed === '1');
  for (let i = 0; i < 3000 && !(await ended()); i += 1) await delay(10);
  // Some viewers have received the end by now.
  await delay(bench.random.between(0, 150));
  await loseUnsynced(stack.redisDirectory, await stack.redisPid());
  await stack.killRedis();
  await stack.startRedis();
  const lost = !(await ended());
  await allEnded(30_000);
  // A viewer that comes now must see the same end.
  const after = new Viewer({ runId, urls: stack.urls, random: bench.random });
  await Promise.race([after.ended, delay(30_000)]);
  after.stop();
  const seen = `${after.audit.ends}x${after.audit.finished?.finalStatus} at seq ${after.audit.last}`;
  const { audit } = after;
  if (audit.ends !== 1 || audit.finished?.finalStatus !== 'COMPLETED' || audit.lines !== END_LINES)
    problem(`a viewer that came later saw ${seen}, ${audit.lines} lines, refused: ${after.refused}`);
  if (!lost) note('the end had just been synced, so it was not lost');
  return lost ? 1 : 0;
};

export const endLost: FaultCase = {
  number: 5,
  name: 'end-lost',
  title: 'the end of a run is in the second that an everysec Redis lost: all viewers see the same end',
  async run(bench) {
    await using recorder = await makeFsyncRecorder();
    await using stack = await Stack.open({ redis: 'everysec', path: recorder.path });
    const verdicts: Verdict[] = [];
    for (let round = 0; round < (bench.quick ? 2 : 6); round += 1) {
      const command = numbered(END_LINES, END_SECONDS);
      verdicts.push(
        await scenario({
          stack,
          bench,
          lines: END_LINES,
          seconds: END_SECONDS,
          command,
          settleSeconds: 30,
          faults: loseEnd,
        }),
      );
    }
    // A round in which the end was already synced counts neither as a fault nor as a failure.
    const hurt = verdicts.filter((one) => one.faults > 0);
    return { ...together(hurt, [`the end was lost in ${hurt.length} of ${verdicts.length} rounds`]) };
  },
};

export const powerLossWithExecutor: FaultCase = following({
  number: 5,
  name: 'power-loss-and-executor',
  title:
    "power failure of an operator's Redis (everysec) together with the executor: nobody can restore the lost lines",
  power: true,
  stack: { redis: 'everysec' },
  partial: true,
  mayDrop: true,
  expect: { status: 'FAILED', reason: 'EXECUTOR_LOST' },
  // A viewer that has more than the log now holds gets an error; nothing better is possible.
  mayRefuse: 'BAD_USER_INPUT',
  faults: async ({ stack, at, note, runId, viewers, allEnded }) => {
    await at(0.5);
    const { executors, commands } = await stack.processesOf(runId);
    stack.signal([...executors, ...commands], 'SIGSTOP');
    const lost = await loseUnsynced(stack.redisDirectory, await stack.redisPid());
    stack.signal([...commands, ...executors], 'SIGKILL');
    await stack.killRedis();
    await stack.startRedis();
    await allEnded(30_000);
    const told = viewers.filter((viewer) => viewer.refused !== null).length;
    const run = await runOf(stack.urls()[0] ?? '', runId);
    const seen = Math.max(...viewers.map((one) => one.audit.last));
    note(`${lost} bytes lost; viewers saw up to seq ${seen}; the record says ${run?.dropped} lines are lost`);
    note(`${told} viewers were told that the log ends before their last event`);
    return 1;
  },
});

const FLOOD_LINES = 2500;
const FLOOD_LINE_BYTES = 40_000;
const FLOOD_LOST_BYTES = 12 * 1024 * 1024;

export const powerLossFlood: FaultCase = following({
  number: 5,
  name: 'power-loss-flood',
  title:
    'power failure that loses more than the executor keeps (12 MiB, no fsync): one LinesDropped STORE_LOST, nothing else',
  power: true,
  stack: { redis: 'no', redisConfig: ['--auto-aof-rewrite-percentage', '0'] },
  lines: FLOOD_LINES,
  seconds: 15,
  command: (lines, seconds) => numberedWide(lines, seconds, FLOOD_LINE_BYTES),
  ownDigest: true,
  mayDrop: true,
  faults: async ({ stack, note, runId }) => {
    // By the record, because viewers of such lines are behind.
    const redis = await stack.admin();
    while (Number(await redis.hget(keyOf(runId), 'lines')) < FLOOD_LINES * 0.1) await delay(10);
    // Only a rewrite syncs: what comes after it is not on disk.
    await redis.bgrewriteaof();
    while (!/^aof_rewrite_in_progress:0/m.test(await redis.info('persistence'))) await delay(10);
    await untilUnsynced(stack.redisDirectory, FLOOD_LOST_BYTES);
    const lost = await loseUnsynced(stack.redisDirectory, await stack.redisPid());
    await stack.killRedis();
    await stack.startRedis();
    const url = stack.urls()[0] ?? '';
    for (let i = 0; i < 600 && (await runOf(url, runId).catch(() => null))?.status !== 'COMPLETED'; i += 1) {
      await delay(50);
    }
    note(`${lost} bytes lost; ${(await runOf(url, runId))?.dropped} lines could not be restored`);
    return lost > 0 ? 1 : 0;
  },
});

/** Viewers wait up to 150 ms before they reconnect, and connecting takes time. */
const TOLD_WITHIN_MS = 1000 + 500;

export const wiped: FaultCase = following({
  number: 5,
  name: 'redis-wiped',
  title: 'all data of Redis deleted: viewers that follow or resume get NOT_FOUND within a second',
  stack: { redis: 'everysec' },
  settleSeconds: 10,
  partial: true,
  expect: { status: '', refused: 'NOT_FOUND' },
  faults: async ({ stack, at, note, problem, runId, allEnded }) => {
    await at(0.5);
    await (await stack.admin()).flushall();
    const wipedAt = performance.now();
    await allEnded(10_000);
    const took = Math.round(performance.now() - wipedAt);
    note(`all viewers had NOT_FOUND after ${took} ms`);
    if (took > TOLD_WITHIN_MS) problem(`viewers had NOT_FOUND only after ${took} ms`);
    const left = await stack.untilNoProcess(runId, 10_000);
    if (left > 0) problem(`${left} processes of the run go on`);
    return 1;
  },
});
