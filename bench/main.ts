/**
 * `npm run bench`: how fast the service is, beside what a user would build instead. Everything is measured in one run,
 * on the same Redis, with the same lines and the same load client. The bench prints tables and writes them to files,
 * with all figures as JSON and a plot. If a viewer misses a line, the bench fails.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { type Options, type PartName, readOptions, USAGE, UsageError } from './options.ts';
import type { Part } from './parts/part.ts';
import { appendPart } from './parts/runs/append.ts';
import { commandPart } from './parts/runs/command.ts';
import { containerPart } from './parts/runs/container.ts';
import { parsePart } from './parts/runs/parse.ts';
import { runsPart } from './parts/runs/runs.ts';
import { storagePart } from './parts/runs/storage.ts';
import { filterPart } from './parts/viewers/filter.ts';
import { floodPart } from './parts/viewers/flood.ts';
import { growthPart } from './parts/viewers/growth.ts';
import { ratePart } from './parts/viewers/rate.ts';
import { replayPart } from './parts/viewers/replay.ts';
import { selectionPart } from './parts/viewers/selection.ts';
import { stalledPart } from './parts/viewers/stalled.ts';
import { structuredPart } from './parts/viewers/structured.ts';
import { startBenchRedis } from './redis.ts';
import { writeReport } from './report/files.ts';
import { updateSpeedPage } from './report/speedPage.ts';
import { tableText } from './report/table.ts';
import { TARGETS_NOTE, targetRows } from './report/targets.ts';
import { runParts } from './run.ts';

/** In the order in which they run. */
const PARTS = {
  flood: floodPart,
  rate: ratePart,
  command: commandPart,
  replay: replayPart,
  append: appendPart,
  storage: storagePart,
  stalled: stalledPart,
  runs: runsPart,
  container: containerPart,
  growth: growthPart,
  structured: structuredPart,
  filter: filterPart,
  selection: selectionPart,
  parse: parsePart,
} as const satisfies Readonly<Record<PartName, Part>>;

const machine = () => ({
  at: new Date().toISOString(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? '',
  memoryMb: Math.round(totalmem() / 1e6),
  loadBefore: loadavg()[0] ?? 0,
});

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const bench = async (options: Options): Promise<number> => {
  const on = machine();
  await using server = await startBenchRedis();
  const redis = await server.connect();
  const parts = Object.values(PARTS).filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const onSection = (section: Parameters<typeof tableText>[0]): void => {
    process.stdout.write(`${tableText(section)}\n`);
  };
  const outcome = await runParts(parts, { server, redis, options, say, onSection });
  const targets = { title: 'Targets', note: TARGETS_NOTE, rows: targetRows(outcome.results, outcome.parts) };
  if (targets.rows.length > 0) onSection(targets);
  await writeReport(options.out, { machine: on, options, outcome, targets });
  updateSpeedPage(options.out);
  say(`The tables, figures and plot are in ${options.out}.`);
  for (const failure of outcome.failures) say(`FAILED: ${failure}`);
  return outcome.failures.length === 0 ? 0 : 1;
};

const main = async (): Promise<number> => {
  try {
    const options = readOptions(process.argv.slice(2));
    if (!options.help) return await bench(options);
    process.stdout.write(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\nUse --help to see all options.`);
    return 2;
  }
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
