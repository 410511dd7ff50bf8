/** The whole way: from a real command's write, through its executor, the log and the service, to a viewer. */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RunId } from '../../src/domain/ids.ts';
import { startRun } from '../../test/support/client.ts';
import { runTarget } from '../contenders.ts';
import { Load } from '../load/load.ts';
import { cpuMicros } from '../process.ts';
import { startRunloom } from '../servers.ts';
import { medians, percentileMs } from '../statistics.ts';
import { COMPLETE_MS } from './flood.ts';
import type { Bench, Part, Row } from './part.ts';

const COMMAND = fileURLToPath(new URL('../feed/command.ts', import.meta.url));
/** Until the viewers are there; and then until everything is compiled. */
const WAIT_MS = 1500;
const WARM_SECONDS = 1.5;
const SETTINGS = [
  { viewers: 1, linesPerSecond: 20 },
  { viewers: 100, linesPerSecond: 2500 },
] as const;

/** @throws LineLost where a viewer has not got every line, in order, once */
const measure = async ({ viewers, linesPerSecond }: (typeof SETTINGS)[number], bench: Bench) => {
  const { redisUrl, options } = bench;
  await using server = await startRunloom({ redisUrl });
  const lines = Math.ceil(linesPerSecond * (WARM_SECONDS + options.seconds));
  const command = [process.execPath, COMMAND, String(linesPerSecond), String(lines), String(WAIT_MS)];
  const runId = (await startRun(`http://127.0.0.1:${server.port}`, { command })) as RunId;
  const targets = Array.from({ length: viewers }, () => runTarget('D', runId, server.port));
  await using load = await Load.open({ targets, workers: options.workers, timed: true });
  await load.until(() => load.last > 0);
  await delay(WARM_SECONDS * 1000);
  load.time();
  const before = { cpu: cpuMicros(server.pid), lines: (await load.count()).lines };
  await load.complete(lines, COMPLETE_MS);
  const after = await load.count();
  return {
    p50Ms: percentileMs(after.latencies, 0.5),
    p99Ms: percentileMs(after.latencies, 0.99),
    cpuMicrosPerLine: (cpuMicros(server.pid) - before.cpu) / (after.lines - before.lines),
  };
};

export const commandPart: Part = {
  name: 'command',
  async run(bench) {
    const rows: Row[] = [];
    for (const setting of SETTINGS) {
      bench.say(`command: ${setting.viewers} viewers, ${setting.linesPerSecond} lines/s from a command`);
      const repeats: Awaited<ReturnType<typeof measure>>[] = [];
      for (let i = 0; i < bench.options.repeat; i += 1) repeats.push(await measure(setting, bench));
      rows.push({ contender: 'D runLogBatches', ...setting, ...medians(repeats) });
    }
    return [{ title: "The whole way: from a command's write to its viewers' receipt", rows }];
  },
};
