/** The documentation as tests read it: README.md, what lies beside it, and docs/ without the bench's own results. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Document {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

export const readDocument = (path: string): Document => ({ path, text: readFileSync(join(ROOT, path), 'utf8') });

/** All pages of the documentation. */
export const DOCUMENTS: readonly Document[] = globSync(['*.md', 'docs/**/*.md'], {
  cwd: ROOT,
  exclude: (path) => path === 'docs/bench',
})
  .sort()
  .map(readDocument);

export interface Example {
  readonly name: string;
  readonly code: string;
  /** The page that has it. */
  readonly path: string;
}

/** Each fence below a comment `<!-- test: name -->`: some test runs it as it stands. */
export const EXAMPLES: readonly Example[] = DOCUMENTS.flatMap(({ path, text }) =>
  [...text.matchAll(/<!-- test: (.+) -->\n```\w+\n([\s\S]*?)\n```\n/g)].map(([, name = '', code = '']) => ({
    name,
    code,
    path,
  })),
);

/** The code of the example. @throws Error where no page has it */
export const exampleCode = (name: string): string => {
  const example = EXAMPLES.find((one) => one.name === name);
  if (example === undefined) throw new Error(`The documentation has no example "${name}".`);
  return example.code;
};

/** Cells of the page's table rows below the heading, without the header. */
export const tableRows = ({ text }: Document, heading: string): readonly (readonly string[])[] => {
  const from = text.indexOf(`${heading}\n`);
  const end = text.indexOf('\n#', from + heading.length);
  const lines = text.slice(from, end < 0 ? undefined : end).split('\n');
  const first = lines.findIndex((line) => /^\|[-: |]+\|$/.test(line)) + 1;
  if (from < 0 || first === 0) throw new Error(`There is no table below "${heading}".`);
  const rows = lines.slice(first);
  const after = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, after < 0 ? undefined : after).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

/** Names in code style in a cell. */
export const namesIn = (cell = ''): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
