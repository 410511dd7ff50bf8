/** The whole path: from the write of a real command, through its executor, the log and the service, to a viewer. */
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
/** Until the code is compiled. */
const WARM_SECONDS = 1;
/** Ends a command that outlives the bench. */
const COMMAND_SECONDS = 180;
/** Without 20 viewers, for which there is no target. */
const SETTINGS = RATES.filter(({ viewers }) => viewers !== 20);

const NOTE = 'A real command prints the lines. Its executor, Redis and the service are all part of the time.';

/** @throws LineLost if a viewer did not get every line once and in order */
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
      ...{ contender: 'D runLogBatches', ...setting, samples: rounds },
      ...medians(taken[i] ?? []),
    }));
    return [{ title: "The whole path: time from the command's write to the receipt", note: NOTE, rows }];
  },
};
