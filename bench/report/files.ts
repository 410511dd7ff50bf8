/** What a run of the bench leaves: bench.md (tables), bench.json (everything), flood.svg (the plot). */
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
  /** "What it must show". */
  readonly figures: Section;
}

/** The directory is made where it is missing. */
export const writeReport = async (directory: string, report: Report): Promise<void> => {
  const { machine, options, outcome, figures } = report;
  const { results, failures, othersPercent, seconds } = outcome;
  await mkdir(directory, { recursive: true });
  const json = { machine, othersPercent, seconds, options, results, figures: figures.rows, failures };
  await writeFile(join(directory, 'bench.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFile(join(directory, 'bench.md'), markdown(report));
  const flood = results.flood?.[0] ?? [];
  if (flood.length > 0) await writeFile(join(directory, 'flood.svg'), plotFlood(flood));
};

const markdown = ({ machine, options, outcome, figures }: Report): string => {
  const { parts, sections, failures, othersPercent, seconds } = outcome;
  const took = Object.values(seconds).reduce((sum, part) => sum + part, 0);
  const busy = parts.map((part) => `${part} ${Math.round(othersPercent[part] ?? 0)} %`).join(', ');
  const about = [
    '# Results of the bench',
    `Written by \`npm run bench\` (see [bench/](../../bench/README.md)), ${machine.at}, in ${Math.round(took / 60)} minutes: ` +
      `${machine.cores} cores (${machine.cpu}), Node.js ${machine.node}, ${options.seconds} s a measurement. ` +
      `CPU time of the machine that others used meanwhile: ${busy}.`,
    ...failures.map((failure) => `**FAILED:** ${failure}`),
  ];
  const tables = [...summary(outcome.results), ...(figures.rows.length > 0 ? [figures] : []), ...sections];
  return `${about.join('\n\n')}\n\n${tables.map(tableText).join('\n')}`;
};
