/** The small table of docs/bench/bench.json in docs/explanation/speed.md, between its two comments. A test compares them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { summary } from './summary.ts';
import { tableText } from './table.ts';
import type { Results } from './targets.ts';

const PAGE = new URL('../../docs/explanation/speed.md', import.meta.url);
const SHOWN = new URL('../../docs/bench/', import.meta.url);
const BLOCK = /(<!-- bench -->\n)[\s\S]*?(<!-- end of bench -->)/;

/** The page as it is, and as it should be. */
export const speedPageTexts = (): { readonly present: string; readonly wanted: string } => {
  const present = readFileSync(PAGE, 'utf8');
  const { results } = JSON.parse(readFileSync(new URL('bench.json', SHOWN), 'utf8')) as { readonly results: Results };
  const table = summary(results)
    .map((section) => tableText(section).replace(/^###.*\n\n/, ''))
    .join('');
  return { present, wanted: present.replace(BLOCK, (_all, begin: string, end: string) => begin + table + end) };
};

/** Writes the table into the page if the results went to docs/bench. */
export const updateSpeedPage = (out: string): void => {
  if (resolve(out) === resolve(fileURLToPath(SHOWN))) writeFileSync(PAGE, speedPageTexts().wanted);
};
