/** Checks files against the table of rooms. */
import { posix } from 'node:path';
import type { Room } from './rooms.ts';

/** A code file: its path from the root of the repository, with slashes, and its text. */
export interface CodeFile {
  readonly path: string;
  readonly text: string;
}

const MOST_FILES = 15;
/** Static and dynamic imports and exports, in the format of Biome. */
const IMPORT = /\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm;
/** Not a room, but a row can allow its import. */
const GENERATED = 'schema/generated';

/** The problems, one sentence each. */
export const roomProblems = (files: readonly CodeFile[], rooms: Readonly<Record<string, Room>>): readonly string[] => [
  ...files.flatMap((file) => importProblems(file, rooms)),
  ...folderProblems(files, rooms),
  ...nameProblems(files),
  ...cycleProblems(rooms),
];

const importProblems = ({ path, text }: CodeFile, rooms: Readonly<Record<string, Room>>): readonly string[] => {
  const folder = posix.dirname(path);
  const room = rooms[folder];
  if (room === undefined) return [];
  return [...text.matchAll(IMPORT)].flatMap(([, from, dynamic, bare]) => {
    const name = from ?? dynamic ?? bare ?? '';
    const isFile = name.startsWith('.');
    const wanted = isFile ? posix.dirname(posix.join(folder, name)) : packageOf(name);
    const isAllowed = isFile ? wanted === folder || room.rooms.includes(wanted) : room.packages.includes(wanted);
    return isAllowed ? [] : [`${path} imports ${wanted}, which scripts/rooms/rooms.ts does not allow for ${folder}.`];
  });
};

const packageOf = (name: string): string =>
  name.startsWith('node:')
    ? 'node'
    : name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/');

const folderProblems = (files: readonly CodeFile[], rooms: Readonly<Record<string, Room>>): readonly string[] => {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [
    ...[...counts.keys()].filter((folder) => rooms[folder] === undefined).map((folder) => `${folder} has no rule.`),
    ...[...counts]
      .filter(([, count]) => count > MOST_FILES)
      .map(([folder, count]) => `${folder} has ${count} files; split it (${MOST_FILES} at most).`),
    ...Object.keys(rooms)
      .filter((folder) => !counts.has(folder))
      .map((folder) => `${folder} has a rule but no files.`),
  ];
};

/** Names that several files can have: implementations of one interface (launchers), and entry points. */
const SHARED_NAMES = ['launcher.ts', 'execution.ts', 'main.ts', 'page.tsx'];

const nameProblems = (files: readonly CodeFile[]): readonly string[] => {
  const byName = Map.groupBy(files, ({ path }) => posix.basename(path));
  return [...byName]
    .filter(([name, those]) => those.length > 1 && !SHARED_NAMES.includes(name))
    .map(([name, those]) => `Several files are named ${name}: ${those.map(({ path }) => path).join(', ')}.`);
};

const cycleProblems = (rooms: Readonly<Record<string, Room>>): readonly string[] => {
  const done = new Set<string>();
  const problems: string[] = [];
  const visit = (folder: string, path: readonly string[]): void => {
    const at = path.indexOf(folder);
    if (at >= 0) problems.push(`Rooms form a cycle: ${[...path.slice(at), folder].join(' -> ')}.`);
    if (at >= 0 || done.has(folder)) return;
    for (const next of rooms[folder]?.rooms ?? []) if (next !== GENERATED) visit(next, [...path, folder]);
    done.add(folder);
  };
  for (const folder of Object.keys(rooms)) visit(folder, []);
  return problems;
};
