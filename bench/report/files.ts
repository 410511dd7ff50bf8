/** The files of the bench: bench.md (tables), bench.json (all figures), flood.svg (plot). */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from '../options.ts';
import type { Section } from '../parts/part.ts';
import type { Outcome } from '../run.ts';
import { plotFlood } from './plot.ts';
import { summary } from './summary.ts';
import { tableText } from './table.ts';

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly options: Options;
  readonly outcome: Outcome;
  readonly targets: Section;
}

/** Writes the files. Creates the directory if it is missing. */
export const writeReport = async (directory: string, report: Report): Promise<void> => {
  const { machine, options, outcome, targets } = report;
  const { results, failures, othersPercent, seconds } = outcome;
  await mkdir(directory, { recursive: true });
  const json = { machine, othersPercent, seconds, options, results, targets: targets.rows, failures };
  await writeFile(join(directory, 'bench.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFile(join(directory, 'bench.md'), markdown(report));
  const flood = results.flood?.[0] ?? [];
  if (flood.length > 0) await writeFile(join(directory, 'flood.svg'), plotFlood(flood));
};

const markdown = ({ machine, options, outcome, targets }: Report): string => {
  const { parts, sections, failures, othersPercent, seconds } = outcome;
  const took = Object.values(seconds).reduce((sum, part) => sum + part, 0);
  const busy = parts.map((part) => `${part} ${Math.round(othersPercent[part] ?? 0)} %`).join(', ');
  const about = [
    '# Benchmark results',
    `Written by \`npm run bench\` ([how it measures](../../bench/README.md)) at ${machine.at}, in ${Math.round(took / 60)} minutes: ` +
      `${machine.cores} cores (${machine.cpu}), Node.js ${machine.node}, ${options.seconds} s per measurement. ` +
      `CPU time that other processes used meanwhile, of all cores: ${busy}.`,
    ...failures.map((failure) => `**FAILED:** ${failure}`),
  ];
  const tables = [...summary(outcome.results), ...(targets.rows.length > 0 ? [targets] : []), ...sections];
  return `${about.join('\n\n')}\n\n${tables.map(tableText).join('\n')}`;
};
