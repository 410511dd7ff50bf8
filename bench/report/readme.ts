/** The small table of docs/bench/bench.json in README.md, between its two comments; a test holds them together. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { summary } from './summary.ts';
import { tableText } from './table.ts';
import type { Results } from './targets.ts';

const README = new URL('../../README.md', import.meta.url);
const SHOWN = new URL('../../docs/bench/', import.meta.url);
const BLOCK = /(<!-- bench -->\n)[\s\S]*?(<!-- end of bench -->)/;

/** README.md as it is, and as it should be. */
export const readmeTexts = (): { readonly present: string; readonly wanted: string } => {
  const present = readFileSync(README, 'utf8');
  const { results } = JSON.parse(readFileSync(new URL('bench.json', SHOWN), 'utf8')) as { readonly results: Results };
  const table = summary(results)
    .map((section) => tableText(section).replace(/^###.*\n\n/, ''))
    .join('');
  return { present, wanted: present.replace(BLOCK, (_all, begin: string, end: string) => begin + table + end) };
};

/** Where the results went to docs/bench, README.md gets their table. */
export const updateReadme = (out: string): void => {
  if (resolve(out) === resolve(fileURLToPath(SHOWN))) writeFileSync(README, readmeTexts().wanted);
};
