/**
 * `npm run bench`: how fast the service is beside what a user would take instead. Everything in one run, on
 * the same Redis, with the same lines and the same load client; prints tables, and writes them with a JSON
 * file and a plot. A viewer that missed a line fails the bench.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
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
import { verdicts } from './report/targets.ts';
import { runParts } from './run.ts';

const PARTS: readonly Part[] = [
  floodPart,
  ratePart,
  commandPart,
  replayPart,
  appendPart,
  storagePart,
  stalledPart,
  runsPart,
  containerPart,
  growthPart,
  structuredPart,
  filterPart,
  selectionPart,
  parsePart,
];

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
  const parts = PARTS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const onSection = (section: Parameters<typeof tableText>[0]): void => {
    process.stdout.write(`${tableText(section)}\n`);
  };
  const outcome = await runParts(parts, { server, redis, options, say, onSection });
  const figures = { title: 'What it must show', rows: verdicts(outcome.results, outcome.parts) };
  if (figures.rows.length > 0) onSection(figures);
  await writeReport(options.out, { machine: on, options, outcome, figures });
  updateSpeedPage(options.out);
  say(`Tables, figures and plot are in ${options.out}.`);
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
    say(`${error.message}\n--help tells what can be asked for.`);
    return 2;
  }
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
