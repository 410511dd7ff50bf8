/**
 * `npm run bench`: how fast the service is beside what a user would take instead. Everything in one run, on
 * the same Redis, with the same lines and the same load client; prints tables, and writes them with a JSON
 * file and a plot. A viewer that missed a line fails the bench.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { readOptions, USAGE } from './options.ts';
import { appendPart } from './parts/append.ts';
import { commandPart } from './parts/command.ts';
import { floodPart } from './parts/flood.ts';
import { growthPart } from './parts/growth.ts';
import type { Part, Row, Section } from './parts/part.ts';
import { ratePart } from './parts/rate.ts';
import { replayPart } from './parts/replay.ts';
import { runsPart } from './parts/runs.ts';
import { stalledPart } from './parts/stalled.ts';
import { storagePart } from './parts/storage.ts';
import { cpuMicros, machineMicros, ownMicros } from './process.ts';
import { startBenchRedis } from './redis.ts';
import { plotFlood } from './report/plot.ts';
import { tableText } from './report/table.ts';
import { verdicts } from './report/targets.ts';

const PARTS: readonly Part[] = [
  floodPart,
  ratePart,
  commandPart,
  replayPart,
  appendPart,
  storagePart,
  stalledPart,
  runsPart,
  growthPart,
];

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Above this, a figure is not the bench's alone. */
const OTHERS_PERCENT = 10;

/** How much of the machine's CPU time processes used that are not of the bench, percent, since the call. */
const watchOthers = (redisPid: number): (() => number) => {
  const look = () => ({ ...machineMicros(), own: ownMicros() + cpuMicros(redisPid) });
  const before = look();
  return () => {
    const now = look();
    const foreign = now.used - before.used - (now.own - before.own);
    return (100 * Math.max(foreign, 0)) / (now.all - before.all);
  };
};

const machine = () => ({
  at: new Date().toISOString(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? '',
  memoryMb: Math.round(totalmem() / 1e6),
  loadBefore: loadavg()[0] ?? 0,
});

const bench = async (): Promise<boolean> => {
  const options = readOptions(process.argv.slice(2));
  const unknown = options.only.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}`);
  const on = machine();
  await using server = await startBenchRedis();
  const redis = await server.connect();
  const sections: Section[] = [];
  const results: Record<string, (readonly Row[])[]> = {};
  const failures: string[] = [];
  const others: Record<string, number> = {};
  for (const part of PARTS) {
    if (options.only.length > 0 && !options.only.includes(part.name)) continue;
    const othersSince = watchOthers(server.pid);
    try {
      const answer = await part.run({ redis, redisUrl: server.url, options, say });
      sections.push(...answer);
      results[part.name] = answer.map(({ rows }) => rows);
      for (const section of answer) process.stdout.write(`${tableText(section)}\n`);
    } catch (error) {
      failures.push(`${part.name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
      say(`FAILED ${failures.at(-1)}`);
    }
    await redis.flushall();
    others[part.name] = othersSince();
    const percent = Math.round(others[part.name] ?? 0);
    if (percent > OTHERS_PERCENT)
      say(`NOTE: others used ${percent} % of the machine during ${part.name}: only its ratios count`);
  }
  const figures = { title: 'What it must show', rows: verdicts(results) };
  process.stdout.write(`${tableText(figures)}\n`);
  await mkdir(options.out, { recursive: true });
  const text = [...sections, figures].map(tableText).join('\n');
  await writeFile(join(options.out, 'bench.md'), `${JSON.stringify({ ...on, othersPercent: others })}\n\n${text}`);
  await writeFile(
    join(options.out, 'bench.json'),
    `${JSON.stringify({ machine: on, othersPercent: others, options, results, figures: figures.rows, failures }, null, 2)}\n`,
  );
  const flood = results.flood?.[0] ?? [];
  if (flood.length > 0) await writeFile(join(options.out, 'flood.svg'), plotFlood(flood));
  for (const failure of failures) say(`FAILED ${failure}`);
  return failures.length === 0;
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
if (process.argv.includes('--help')) process.stdout.write(USAGE);
else process.exitCode = (await bench()) ? 0 : 1;
