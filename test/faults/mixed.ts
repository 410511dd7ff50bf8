/** Random faults, several at once, on a few runs with 20 viewers each: `npm run chaos -- --mixed MINUTES`. */
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../support/clients/client.ts';
import { digestOfLines } from './follow/audit.ts';
import type { Verdict } from './follow/verdict.ts';
import { Viewer } from './follow/viewer.ts';
import { type Fault, faultsOf, type LiveRun } from './mixedFaults.ts';
import { PlainViewer } from './plain/plainViewer.ts';
import { type Random, randomFrom } from './random.ts';
import { numbered, runOf } from './scenario.ts';
import { makeFsyncRecorder } from './stack/powerLoss.ts';
import { Stack } from './stack/stack.ts';

const LINES = 50_000;
const SECONDS = 10;
const VIEWERS = 20;
const RUNS_AT_ONCE = 3;
/** A run is stuck if no viewer of it got anything for so long; every fault is healed within seconds. */
const STUCK_MS = 90_000;
const MOST_PROBLEMS = 20;

class Tally {
  readonly problems: string[] = [];
  readonly faults = new Map<string, number>();
  runs = 0;
  deliveries = 0;
  lost = 0;
  repeated = 0;
  disordered = 0;
  stuck = 0;
  lostExecutors = 0;
  wrongEnds = 0;
  wrongDigests = 0;
  plainLost = 0;
  plainOf = 0;
  /** Sums, in milliseconds: time to the first line of a run, and from there to the end of its last viewer. */
  startMs = 0;
  followMs = 0;

  get faultCount(): number {
    return [...this.faults.values()].reduce((all, one) => all + one, 0);
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }

  line(): string {
    const { faultCount, runs, deliveries, lost, repeated, disordered, stuck } = this;
    return `${faultCount} faults, ${runs} runs, ${deliveries} deliveries, lost ${lost}, twice ${repeated}, order ${disordered}, stuck ${stuck}`;
  }
}

export const mixed = async (minutes: number, seed: number, say: (line: string) => void): Promise<Verdict> => {
  const random = randomFrom(seed);
  await using recorder = await makeFsyncRecorder();
  await using stack = await Stack.open({
    services: 2,
    redis: 'everysec',
    proxied: true,
    path: recorder.path,
    env: { MAX_CONCURRENT_RUNS: String(RUNS_AT_ONCE) },
  });
  const tally = new Tally();
  const live = new Set<LiveRun>();
  let killedEndedAt = Number.NEGATIVE_INFINITY;
  const until = performance.now() + minutes * 60_000;
  const faults = faultsOf(stack, random, { live: () => [...live], killedEndedAt: () => killedEndedAt });

  const runs = async (): Promise<void> => {
    while (performance.now() < until && tally.problems.length < MOST_PROBLEMS) {
      const run = await oneRun(stack, random, tally, live);
      if (run.killed) killedEndedAt = performance.now();
    }
  };
  const hurting = hurt(faults, random, tally, () => performance.now() < until);
  const told = setInterval(() => say(`    … ${tally.line()}`), 60_000);
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, runs));
  clearInterval(told);
  await hurting;
  return verdictOf(tally);
};

const verdictOf = (tally: Tally): Verdict => {
  const seconds = (ms: number): string => (ms / 1000 / Math.max(tally.runs, 1)).toFixed(1);
  return {
    faults: tally.faultCount,
    delivered: tally.deliveries,
    lost: tally.lost,
    repeated: tally.repeated,
    disordered: tally.disordered,
    stuck: tally.stuck,
    endRight: tally.wrongEnds === 0 && tally.runs > 0,
    digestRight: tally.wrongDigests === 0,
    plainLost: tally.plainLost,
    plainOf: tally.plainOf,
    notes: [
      `${tally.runs} runs of ${LINES} lines with ${VIEWERS} viewers each, of which ${tally.lostExecutors} lost their executor`,
      `a run took ${seconds(tally.startMs)} s to its first line and ${seconds(tally.followMs)} s from there (${SECONDS} without faults)`,
      [...tally.faults]
        .sort()
        .map(([name, count]) => `${count} ${name}`)
        .join(', '),
    ],
    problems: tally.problems,
  };
};

const oneRun = async (stack: Stack, random: Random, tally: Tally, live: Set<LiveRun>): Promise<LiveRun> => {
  const id = await start(stack, random);
  stack.runs.push(id);
  const { urls } = stack;
  const viewers: Viewer[] = [];
  const plain = [new PlainViewer(id, stack.plainUrls, random)];
  for (let i = 0; i < VIEWERS * 0.4; i += 1) viewers.push(new Viewer({ runId: id, urls, random }));
  for (let i = 0; i < VIEWERS * 0.3; i += 1)
    viewers.push(new Viewer({ runId: id, urls, random, restless: [500, 4000] }));
  const share = (): number => (viewers[0]?.audit.lines ?? 0) / LINES;
  const run: LiveRun = { id, startedAt: performance.now(), viewers, share, killed: false };
  live.add(run);
  try {
    while (viewers.length < VIEWERS) {
      await delay(random.between(0, (2000 * SECONDS) / (VIEWERS * 0.3)));
      viewers.push(new Viewer({ runId: id, urls, random }));
    }
    while (viewers.some((one) => !one.done)) {
      const heard = Math.max(...viewers.map((one) => one.heardAt));
      if (performance.now() - heard > STUCK_MS) break;
      await delay(100);
    }
  } finally {
    live.delete(run);
    for (const one of [...viewers, ...plain]) one.stop();
  }
  const firstAt = Math.min(...viewers.map((one) => one.firstAt ?? Number.POSITIVE_INFINITY));
  if (Number.isFinite(firstAt)) {
    tally.startMs += firstAt - run.startedAt;
    tally.followMs += performance.now() - firstAt;
  }
  await judge(stack, run, tally);
  const lines = Math.max(...viewers.map(({ audit }) => audit.lines));
  tally.plainLost += plain.reduce((all, one) => all + Math.max(lines - one.lines, 0), 0);
  tally.plainOf += lines * plain.length;
  return run;
};

const WHOLE_DIGEST = digestOfLines(LINES);

const judge = async (stack: Stack, { id, viewers, killed }: LiveRun, tally: Tally): Promise<void> => {
  tally.runs += 1;
  // The command may have ended just before its executor was killed. All viewers must see the same end.
  const end = viewers.find(({ audit }) => audit.finished !== null)?.audit.finished;
  const lost = killed && end?.finalStatus === 'FAILED';
  if (lost) tally.lostExecutors += 1;
  const expected = lost ? 'FAILED EXECUTOR_LOST' : 'COMPLETED ';
  const lines = lost ? (end?.lines ?? 0) : LINES;
  for (const { audit, done, refused, falseEnds } of viewers) {
    tally.deliveries += audit.lines;
    const missing = Math.max(lines - audit.lines, audit.lost);
    tally.lost += missing;
    tally.repeated += audit.repeated;
    tally.disordered += audit.disordered + audit.altered;
    if (!done) tally.stuck += 1;
    const how = `${audit.finished?.finalStatus} ${audit.finished?.failure?.reason ?? ''}`;
    const right = audit.ends === 1 && how === expected && refused === null && falseEnds === 0;
    if (!right) tally.wrongEnds += 1;
    const digestRight = lost || (audit.digest === WHOLE_DIGEST && audit.finished?.digest === WHOLE_DIGEST);
    if (!digestRight) tally.wrongDigests += 1;
    if (right && digestRight && missing + audit.altered + audit.repeated + audit.disordered === 0) continue;
    tally.problem(
      `${id}: ${audit.lines} lines, last seq ${audit.last}, ${audit.ends} end(s) ${how}, refused ${refused}, false ends ${falseEnds}, lost ${audit.lost}, dropped ${audit.dropped}, altered ${audit.altered}, repeated ${audit.repeated}`,
    );
  }
  if (viewers.every((one) => one.done)) return;
  const record = await runOf(stack.urls()[0] ?? '', id).catch(() => null);
  tally.problem(`${id}: stuck, the record says ${JSON.stringify(record)}`);
};

/** startRun of a careful client: repeated with one idempotency key. */
const start = async (stack: Stack, random: Random): Promise<string> => {
  const idempotencyKey = `${random.seed}-${random.next()}`;
  const input = { command: [...numbered(LINES, SECONDS)], idempotencyKey };
  const query = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
  for (let turn = 0; ; turn += 1) {
    const urls = stack.urls();
    const url = urls[turn % urls.length];
    const answer = url === undefined ? null : await request(url, query, { input }).catch(() => null);
    const id = (answer?.data?.startRun as { run?: { id?: string } } | undefined)?.run?.id;
    if (id !== undefined) return id;
    await delay(200);
  }
};

const hurt = async (
  faults: readonly [Fault, ...Fault[]],
  random: Random,
  tally: Tally,
  goOn: () => boolean,
): Promise<void> => {
  const busy = new Set<string>();
  const under = new Set<Promise<void>>();
  while (goOn()) {
    await delay(random.between(50, 450));
    const fault = random.pick(faults);
    if (busy.has(fault.on)) continue;
    busy.add(fault.on);
    const done = fault
      .run()
      .then((hurtIt) => {
        if (hurtIt) tally.count(fault.name);
      })
      .finally(() => {
        busy.delete(fault.on);
        under.delete(done);
      });
    under.add(done);
  }
  await Promise.all(under);
};
