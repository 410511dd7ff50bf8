import { readFileSync } from 'node:fs';

/**
 * The text of a script: the .lua files of this folder with these names, one after the other, parts first. The files are
 * read when the text is asked for, so that no program start waits for them. The executor's bundle contains the texts
 * instead of this module (src/launchers/container/image/bundle.ts).
 */
export const lua =
  (...names: readonly string[]) =>
  (): string =>
    names.map((name) => readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')).join('\n');
