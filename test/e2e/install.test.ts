/** What `npm install` shows and leaves in a fresh clone. .ci/run does the same with a whole install. */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = ['package.json', 'package-lock.json', '.npmrc'];
const POSTINSTALL = 'scripts/linkNode.js';

interface LockedPackage {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}
const lockedPackages = async (): Promise<Record<string, LockedPackage>> =>
  JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')).packages;

test('npm install in a fresh clone changes none of its files and shows no warning', async () => {
  const clone = await mkdtemp(join(tmpdir(), 'rl-install-'));
  onTestFinished(() => rm(clone, { recursive: true, force: true }));
  await mkdir(join(clone, 'scripts'));
  for (const file of [...FILES, POSTINSTALL]) await copyFile(join(ROOT, file), join(clone, file));
  // npm checks engines and the lock file before it fetches anything. The settings of the npm that runs this test
  // would come before the clone's own .npmrc.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, stdout, stderr } = spawnSync('npm', ['install', '--package-lock-only'], { cwd: clone, env });
  expect([status, String(stderr)]).toEqual([0, '']);
  expect(String(stdout)).not.toContain('EBADENGINE');
  for (const file of FILES) {
    const [before, after] = await Promise.all([ROOT, clone].map((folder) => readFile(join(folder, file), 'utf8')));
    expect(after === before, `${file} was changed`).toBe(true);
  }
}, 120_000);

test('package-lock.json has the optional packages of every platform, and names no registry', async () => {
  const packages = await lockedPackages();
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const asked = Object.values(packages).flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}));
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !names.has(name))).toEqual([]);
  expect(Object.values(packages).flatMap(({ resolved }) => resolved ?? [])).toEqual([]);
});

test('package.json says of each package with an install script whether the script may run', async () => {
  const { allowScripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const packages = Object.entries(await lockedPackages());
  const scripts = packages.flatMap(([path, { hasInstallScript }]) =>
    // The path of this package itself is empty.
    hasInstallScript && path !== '' ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining(scripts));
});

test.skipIf(process.platform !== 'linux')(
  'npm scripts have the Node.js 24 that came along, also where npm 10 took its link away',
  async () => {
    const clone = await mkdtemp(join(tmpdir(), 'rl-link-'));
    onTestFinished(() => rm(clone, { recursive: true, force: true }));
    const binary = join(clone, `node_modules/node-linux-${process.arch}/bin/node`);
    await mkdir(dirname(binary), { recursive: true });
    await writeFile(binary, '');
    for (const time of ['first', 'second']) {
      const { status } = spawnSync(process.execPath, [join(ROOT, POSTINSTALL)], { cwd: clone });
      expect([time, status]).toEqual([time, 0]);
      expect(await realpath(join(clone, 'node_modules/.bin/node'))).toBe(await realpath(binary));
    }
    // A link to the other architecture's package, which is gone.
    await rm(join(clone, 'node_modules/.bin/node'));
    await symlink('../node-linux-other/bin/node', join(clone, 'node_modules/.bin/node'));
    spawnSync(process.execPath, [join(ROOT, POSTINSTALL)], { cwd: clone });
    expect(await realpath(join(clone, 'node_modules/.bin/node'))).toBe(await realpath(binary));
  },
);
