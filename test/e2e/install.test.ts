/** What `npm install` prints and changes in a fresh clone. .ci/run tests the complete installation. */
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
  // npm checks engines and the lock file before it downloads anything. Variables npm_* are removed, since they would
  // override the .npmrc of the clone.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, stdout, stderr } = spawnSync('npm', ['install', '--package-lock-only'], { cwd: clone, env });
  expect([status, String(stderr)]).toEqual([0, '']);
  expect(String(stdout)).not.toContain('EBADENGINE');
  for (const file of FILES) {
    const [before, after] = await Promise.all([ROOT, clone].map((folder) => readFile(join(folder, file), 'utf8')));
    expect(after === before, `${file} was changed`).toBe(true);
  }
}, 120_000);

test('package-lock.json has the optional packages for every platform, and no address of a registry', async () => {
  const packages = await lockedPackages();
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const asked = Object.values(packages).flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}));
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !names.has(name))).toEqual([]);
  expect(Object.values(packages).flatMap(({ resolved }) => resolved ?? [])).toEqual([]);
});

test('package.json decides for every package with an install script whether the script runs', async () => {
  const { allowScripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const packages = Object.entries(await lockedPackages());
  const scripts = packages.flatMap(([path, { hasInstallScript }]) =>
    // The root package has an empty path.
    hasInstallScript && path !== '' ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining(scripts));
});

test.skipIf(process.platform !== 'linux')(
  'npm scripts use the installed Node.js 24, also if npm 10 has removed its link',
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
    // A link to the package of the other architecture, which does not exist.
    await rm(join(clone, 'node_modules/.bin/node'));
    await symlink('../node-linux-other/bin/node', join(clone, 'node_modules/.bin/node'));
    spawnSync(process.execPath, [join(ROOT, POSTINSTALL)], { cwd: clone });
    expect(await realpath(join(clone, 'node_modules/.bin/node'))).toBe(await realpath(binary));
  },
);
