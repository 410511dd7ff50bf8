/** The summary of docs/bench/bench.json, as docs/explanation/speed.md shows it between two comments. A test compares them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { summary } from './summary.ts';
import { tableOf } from './table.ts';
import type { Results } from './target.ts';

const PAGE = new URL('../../docs/explanation/speed.md', import.meta.url);
const SHOWN = new URL('../../docs/bench/', import.meta.url);
const BLOCK = /(<!-- bench -->\n)[\s\S]*?(<!-- end of bench -->)/;

/** The page as it is, and with the table of docs/bench/bench.json. */
export const speedPageTexts = (): { readonly present: string; readonly expected: string } => {
  const present = readFileSync(PAGE, 'utf8');
  const { results } = JSON.parse(readFileSync(new URL('bench.json', SHOWN), 'utf8')) as { readonly results: Results };
  const table = summary(results)
    .map(({ rows }) => tableOf(rows))
    .join('');
  return { present, expected: present.replace(BLOCK, (_all, begin: string, end: string) => begin + table + end) };
};

/** Updates the page if the results were written to docs/bench. */
export const updateSpeedPage = (out: string): void => {
  if (resolve(out) === resolve(fileURLToPath(SHOWN))) writeFileSync(PAGE, speedPageTexts().expected);
};
