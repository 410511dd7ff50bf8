/** Cases 11, 12, 15: slow viewers, a flood, a thousand viewers that reconnect at once. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { startRun } from '../../support/clients/client.ts';
import type { FaultCase } from '../faultCase.ts';
import { following } from '../follow/following.ts';
import { clientsOf, SlowViewer } from '../follow/slowViewer.ts';
import { Viewer } from '../follow/viewer.ts';
import { numbered, numberedWide, runOf, type Scene, textOf } from '../scenario.ts';

const rssMb = async (pid: number): Promise<number> =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1] ?? 0) / 1024;

/** Reads a value every 200 ms and keeps the greatest. */
const watchPeak = (read: () => Promise<number>) => {
  let peak = 0;
  const timer = setInterval(async () => {
    peak = Math.max(peak, await read());
  }, 200);
  return { peak: () => peak, [Symbol.dispose]: () => clearInterval(timer) };
};

const SLOW = 200;
const SLOW_BYTES_PER_SECOND = 1000;
const SLOW_LINES = 500;
/** For a viewer that never reads: more than the kernel buffers for a socket. */
const WIDE_LINES = 2000;
const WIDE_BYTES = 4000;
const STALLED_MS = 60_000;
/** Node checks a pending write once in that time, and only the second check sees that nothing moved. */
const CUT_BY_MS = 2 * STALLED_MS;
/** Until the buffers of the kernel are full. */
const FILLED_MS = 40_000;

const slowOnes = async (scene: Scene, port: number, baseMb: number, peakMb: () => number): Promise<void> => {
  const { stack, note, problem, bench, allEnded } = scene;
  const url = stack.urls()[0] ?? '';
  const few = await startRun(url, { command: [...numbered(SLOW_LINES, 5)] });
  const wide = await startRun(url, { command: [...numberedWide(WIDE_LINES, 5, WIDE_BYTES)] });
  stack.runs.push(few, wide);
  using viewers = new DisposableStack();
  const open = (runId: string, speed: number): SlowViewer =>
    viewers.adopt(new SlowViewer(port, runId, speed), (one) => one.close());
  const begun = performance.now();
  const slow = Array.from({ length: SLOW }, () => open(few, SLOW_BYTES_PER_SECOND));
  const never = Array.from({ length: SLOW }, () => open(wide, 0));
  await scene.at(1);
  const cuts = new Map<SlowViewer, number>();
  const lookForCuts = async (): Promise<void> => {
    const open = await clientsOf(port);
    for (const one of never) if (!cuts.has(one) && !open.has(one.port ?? 0)) cuts.set(one, performance.now() - begun);
  };
  const planned = `${bench.seconds} s planned`;
  note(`the fast viewers had all lines after ${Math.round((performance.now() - begun) / 1000)} s (${planned})`);
  await allEnded(60_000);

  const seconds = (ms: number): number => Math.round(ms / 1000);
  const slowOver = (): boolean => slow.every((one) => one.done || one.cutAt !== null);
  const neverOver = (): boolean => bench.quick || cuts.size === SLOW;
  while (!(slowOver() && neverOver()) && performance.now() - begun < 200_000) {
    await delay(200);
    await lookForCuts();
    bench.progress(
      `${slow.filter((one) => one.done).length} slow viewers have all lines, ${cuts.size} that never read are disconnected`,
    );
  }
  const whole = slow.filter((one) => one.audit.lines === SLOW_LINES && one.audit.ends === 1).length;
  const cut = slow.filter((one) => one.cutAt !== null).length;
  note(
    `${whole} of ${SLOW} viewers that read 1 kB/s have all ${SLOW_LINES} lines after ${seconds(performance.now() - begun)} s, ${cut} were disconnected`,
  );
  if (whole !== SLOW) problem(`${SLOW - whole} slow viewers miss lines or the end`);
  const dirty = slow.reduce(
    (all, { audit }) => all + audit.lost + audit.repeated + audit.disordered + audit.altered,
    0,
  );
  if (dirty > 0) problem(`${dirty} events were lost, repeated or out of order`);

  const stalls = [...cuts.values()].sort((a, b) => a - b);
  const range = stalls.length === 0 ? '-' : `${seconds(stalls[0] ?? 0)} to ${seconds(stalls.at(-1) ?? 0)} s`;
  note(`${stalls.length} of ${SLOW} viewers that never read were disconnected, after ${range}`);
  if ((stalls[0] ?? STALLED_MS) < STALLED_MS)
    problem(`a viewer was disconnected after only ${seconds(stalls[0] ?? 0)} s`);
  if (!bench.quick && stalls.length < SLOW)
    problem(`${SLOW - stalls.length} viewers that never read were not disconnected`);
  if ((stalls.at(-1) ?? 0) > CUT_BY_MS + FILLED_MS) problem('a viewer that never read was disconnected too late');
  note(`memory of the service: ${Math.round(baseMb)} MB before, ${Math.round(peakMb())} MB at the peak`);
  if (peakMb() - baseMb > 300) problem(`memory of the service grew by ${Math.round(peakMb() - baseMb)} MB`);
};

export const slowViewers: FaultCase = following({
  number: 11,
  name: 'slow-viewers',
  title:
    '200 viewers that never read (disconnected after 1 to 2 minutes), 200 that read 1 kB/s (500 lines): others unharmed',
  faults: async (scene) => {
    const { stack } = scene;
    const pid = stack.pidOf(0);
    using watch = watchPeak(() => rssMb(pid));
    await slowOnes(scene, Number(new URL(stack.urls()[0] ?? '').port), await rssMb(pid), watch.peak);
    return 2 * SLOW;
  },
});

const FLOOD = 2_000_000;
const BUDGET_BYTES = 16 * 1024 * 1024;
const REDIS_MB = 64;

export const flood: FaultCase = following({
  number: 12,
  name: 'flood',
  title: '2,000,000 lines as fast as a pipe allows, MAX_LOG_BYTES 16 MiB: first and last half kept, LinesDropped exact',
  stack: { env: { MAX_LOG_BYTES: String(BUDGET_BYTES) } },
  lines: FLOOD,
  seconds: 5,
  settleSeconds: 150,
  mayDrop: true,
  command: (lines) => ['sh', '-c', `seq -f 'line %.0f of ${lines}' ${lines}`],
  faults: async ({ stack, random, runId, allEnded, note, problem }) => {
    const redis = await stack.admin();
    using watch = watchPeak(async () => {
      const info = await redis.info('memory').catch(() => '');
      return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0) / 2 ** 20;
    });
    const begun = performance.now();
    await allEnded(150_000);
    const redisMb = Math.round(watch.peak());
    note(`ended after ${Math.round(performance.now() - begun)} ms; memory of Redis ${redisMb} MB at the peak`);
    if (redisMb > REDIS_MB) problem(`Redis used ${redisMb} MB, more than ${REDIS_MB} MB`);
    const url = stack.urls()[0] ?? '';
    const run = await runOf(url, runId);
    const after = new Viewer({ runId, urls: stack.urls, random });
    await Promise.race([after.ended, delay(60_000)]);
    after.stop();
    const { lines, dropped } = after.audit;
    note(
      `a viewer that came later: ${lines} lines, LinesDropped for ${dropped}; the record says ${run?.dropped} dropped`,
    );
    if (run?.dropped !== FLOOD - lines)
      problem(`the record says ${run?.dropped} dropped, but ${FLOOD - lines} lines are missing`);
    if (dropped !== FLOOD - lines) problem(`LinesDropped says ${dropped}, but ${FLOOD - lines} lines are missing`);
    if (after.audit.finished?.dropped !== run?.dropped)
      problem('RunFinished and the record have different numbers of dropped lines');
    const text = await textOf(`${url}/runs/${runId}/log.txt`);
    note(`kept ${(text.length / BUDGET_BYTES).toFixed(3)} of the budget`);
    if (text.length > BUDGET_BYTES * 1.1 || text.length < BUDGET_BYTES * 0.8)
      problem(`the log has ${text.length} bytes, far from its budget`);
    const numbers = text.trimEnd().split('\n');
    if (!numbers[0]?.startsWith('line 1 of')) problem(`the log begins with ${numbers[0]}`);
    if (!numbers.at(-1)?.startsWith(`line ${FLOOD} of`)) problem(`the log ends with ${numbers.at(-1)}`);
    return run?.dropped ?? 0;
  },
});

const HERD = 1000;
const READS_EACH = 3;
const REST_MS = 2000;

/** Redis commands that read a log: a page is a MULTI of HMGET and XRANGE, a check for news a pipeline of HMGETs. */
const READS = ['xrange', 'xrevrange', 'hmget', 'hget', 'hgetall', 'subscribe'];

export const herd: FaultCase = following({
  number: 15,
  name: 'herd',
  title: '1,000 viewers reconnect at the same moment: at most 3 reads of Redis for each (10,000 lines)',
  // With more lines, a thousand viewers in one test process fall behind and miss the moment.
  lines: ({ lines }) => Math.min(lines, 10_000),
  seconds: ({ quick }) => (quick ? 20 : 60),
  settleSeconds: 120,
  faults: async ({ stack, random, runId, lines, viewers, note, problem, bench }) => {
    const redis = await stack.admin();
    const reads = async (): Promise<number> => {
      const stats = await redis.info('commandstats');
      const calls = READS.map((name) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0));
      return calls.reduce((all, one) => all + one, 0);
    };
    const count = bench.quick ? 100 : HERD;
    const many: Viewer[] = [];
    try {
      for (let i = 0; i < count; i += 1) {
        many.push(new Viewer({ runId, urls: stack.urls, random, light: true }));
        if (i % 50 === 49) await delay(100);
      }
      const caught = async (): Promise<void> => {
        for (let i = 0; i < 600 && many.some((one) => !one.caughtUp && !one.done); i += 1) await delay(50);
      };
      await caught();
      // Appends of the executor and the feed's check each second read as well.
      const before = await reads();
      await delay(REST_MS);
      const atRest = (await reads()) - before;
      const begun = performance.now();
      const under = many.filter((one) => !one.done).length;
      if (under < count) problem(`${count - under} viewers had the end before they could be disconnected`);
      for (const one of [...many, ...viewers]) one.cut();
      for (const one of many) one.caughtUp = false;
      await caught();
      const took = Math.round(performance.now() - begun);
      const all = (await reads()) - before - atRest;
      const each = (all - (atRest * took) / REST_MS) / count;
      note(`all ${count} viewers were back after ${took} ms`);
      note(
        `${all} reads of Redis meanwhile, ${Math.round((atRest * took) / REST_MS)} of them as at rest: ${each.toFixed(2)} per viewer`,
      );
      if (many.some((one) => !one.caughtUp && !one.done)) problem('not all viewers came back');
      if (each > READS_EACH) problem(`${each.toFixed(2)} reads per viewer, more than ${READS_EACH}`);
      await Promise.race([Promise.all(many.map((one) => one.ended)), delay(120_000)]);
      const wrong = many.filter(
        ({ audit }) =>
          audit.lines !== lines ||
          audit.lost + audit.repeated + audit.disordered + audit.altered > 0 ||
          audit.ends !== 1,
      );
      const delivered = many.reduce((all, { audit }) => all + audit.lines, 0);
      note(`${count - wrong.length} of ${count} have every line once, in order, and one end: ${delivered} lines`);
      if (wrong.length > 0)
        problem(`${wrong.length} viewers miss lines or the end, ${many.filter((one) => !one.done).length} are stuck`);
      return under;
    } finally {
      for (const one of many) one.stop();
    }
  },
});
