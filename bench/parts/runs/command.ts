/** The whole way: from a real command's write, through its executor, the log and the service, to a viewer. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RunId } from '../../../src/domain/ids.ts';
import { startRun } from '../../../test/support/clients/client.ts';
import { runTarget } from '../../contenders.ts';
import { Load } from '../../load/load.ts';
import { roundsOf } from '../../options.ts';
import { cpuMicros } from '../../process.ts';
import { inRounds } from '../../rounds.ts';
import { startRunloom } from '../../servers.ts';
import { medians, percentileMs } from '../../statistics.ts';
import type { Bench, Part } from '../part.ts';
import { COMPLETE_MS } from '../viewers/flood.ts';
import { RATES, secondsAt } from '../viewers/rate.ts';

const COMMAND = fileURLToPath(new URL('../../feed/command.ts', import.meta.url));
/** Until everything is compiled. */
const WARM_SECONDS = 1;
/** A command whose bench is gone must not wait for ever. */
const COMMAND_SECONDS = 180;
/** The same but for 20 viewers, of which no target is. */
const SETTINGS = RATES.filter(({ viewers }) => viewers !== 20);

/** @throws LineLost where a viewer has not got every line, in order, once */
const measure = async ({ viewers, linesPerSecond }: (typeof RATES)[number], bench: Bench) => {
  const { redisUrl, options } = bench;
  await using begun = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'rl-bench-'));
  begun.defer(() => rm(directory, { recursive: true, force: true }));
  const server = begun.use(await startRunloom({ redisUrl }));
  const seconds = secondsAt(linesPerSecond, options.seconds);
  const lines = Math.ceil(linesPerSecond * (WARM_SECONDS + seconds));
  const command = [process.execPath, COMMAND, String(linesPerSecond), String(lines), join(directory, 'go')];
  const runId = (await startRun(`http://127.0.0.1:${server.port}`, {
    command,
    timeoutSeconds: COMMAND_SECONDS,
  })) as RunId;
  const targets = Array.from({ length: viewers }, () => runTarget('D', runId, server.port));
  const load = begun.use(await Load.open({ targets, workers: options.workers, timed: true }));
  await writeFile(join(directory, 'go'), '');
  await load.complete(1, COMPLETE_MS);
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
    const rounds = roundsOf(bench.options, true);
    const cells = SETTINGS.map((setting) => ({
      name: `${setting.viewers} viewers, ${setting.linesPerSecond} lines/s from a command`,
      rounds,
      measure: () => measure(setting, bench),
    }));
    const taken = await inRounds(cells, bench.say);
    const rows = SETTINGS.map((setting, i) => ({
      ...{ contender: 'D runLogBatches', ...setting, takes: rounds },
      ...medians(taken[i] ?? []),
    }));
    return [{ title: "The whole way: from a command's write to its viewers' receipt", rows }];
  },
};
