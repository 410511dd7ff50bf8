import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { DOCUMENTS as PAGES, ROOT, readDocument } from '../../support/documents.ts';

/** The pages, and the documents that are stored beside what they describe. */
const DOCUMENTS = [
  ...PAGES,
  ...globSync(['packages/*/README.md', 'bench/README.md', '.github/*.md'], { cwd: ROOT }).map(readDocument),
];

/** Anchors of a page's headings, in GitHub's form: lower case, no punctuation, hyphens for spaces. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll('`', '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every relative link of the documentation leads to a file, and its anchor to a heading', () => {
  const wrong = DOCUMENTS.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, target = '', anchor]) => {
      const file = target === '' ? path : relative(ROOT, join(ROOT, dirname(path), target));
      if (!existsSync(join(ROOT, file))) return [`${path}: ${link}`];
      const found = anchor === undefined || anchorsOf(readFileSync(join(ROOT, file), 'utf8')).includes(anchor);
      return found ? [] : [`${path}: ${link} (no such heading)`];
    }),
  );
  expect(wrong).toEqual([]);
});

const ROOMS = 'src|executor|packages|schema|scripts|test|bench|examples|docs|\\.github|\\.ci|\\.changeset';
/** A path from the root that begins with one of the top folders; `*` and `…` stand for anything. */
const PATH = new RegExp(`^(?:${ROOMS})/[\\w./*-]*$`);
/** Folders that a build or a run creates. */
const MADE = ['bench/results'];
/** Test files are named without their extension. */
const exists = (path: string): boolean => {
  if (MADE.some((made) => path.startsWith(made))) return true;
  if (path.includes('*')) return globSync(path, { cwd: ROOT }).length > 0;
  return [path, `${path}.ts`, `${path}.test.ts`].some((one) => existsSync(join(ROOT, one)));
};

test('every path of the repository that the documentation names exists', () => {
  // PROTOCOL.md names tests in its own form; protocol.test.ts checks it.
  const pages = DOCUMENTS.filter(({ path }) => path !== 'PROTOCOL.md');
  const wrong = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, name = '']) =>
      PATH.test(name) && !exists(name) ? [`${path}: ${name}`] : [],
    ),
  );
  expect(wrong).toEqual([]);
});

/** Without the output of builds, which is not in the repository and can disappear during the test. */
const codeFiles = (extensions: string): readonly string[] =>
  globSync(`{src,executor,packages,scripts,test,bench,examples}/**/*.{${extensions}}`, {
    cwd: ROOT,
    exclude: (path) => /(^|\/)(node_modules|dist|build|results)$/.test(path),
  });

test('every page of docs/ that the code names exists', () => {
  const files = codeFiles('ts,tsx,js,graphql');
  const wrong = files.flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/(?<![\w./])docs\/[\w./-]*\w/g)].flatMap(([page]) => {
      const isThere = existsSync(join(ROOT, page)) || globSync(`${page}-*.md`, { cwd: ROOT }).length > 0;
      return isThere ? [] : [`${path}: ${page}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test('code cites only what is in the repository or public', () => {
  const files = codeFiles('ts,tsx,js,c');
  const elsewhere = /\b(?:CONTRACT|DESIGN|CONVENTIONS)\.md\b|\bresearch\/\w|\b[Ii]ssue \d/;
  const own = relative(ROOT, import.meta.filename);
  const wrong = files.flatMap((path) =>
    path === own
      ? []
      : readFileSync(join(ROOT, path), 'utf8')
          .split('\n')
          .flatMap((line, index) => (elsewhere.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
  expect(wrong).toEqual([]);
});

test('every page of docs/ can be found from docs/README.md', () => {
  const index = DOCUMENTS.find(({ path }) => path === 'docs/README.md')?.text ?? '';
  const pages = DOCUMENTS.map(({ path }) => path).filter(
    (path) => path.startsWith('docs/') && !path.startsWith('docs/decisions/') && path !== 'docs/README.md',
  );
  expect(pages.filter((path) => !index.includes(`](${path.slice('docs/'.length)}`))).toEqual([]);
});
