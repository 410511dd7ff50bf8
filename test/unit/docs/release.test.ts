import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../support/documents.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifests = ['package.json', ...globSync('packages/*/package.json', { cwd: ROOT })].map(
  (path) => JSON.parse(read(path)) as { readonly version: string; readonly license: string },
);

test('the service and the packages have the same license and the same version, which is the latest in CHANGELOG.md', () => {
  const [{ version } = { version: '' }] = manifests;
  expect(manifests.map((manifest) => [manifest.version, manifest.license])).toEqual(
    manifests.map(() => [version, 'Apache-2.0']),
  );
  expect(/^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
});

test('CI runs the two commands of README.md', () => {
  const workflow = read('.github/workflows/ci.yml');
  const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
  expect(commands).toContain('npm install && npm start');
  expect(commands).toContain('npm install && npm test');
  expect(workflow).toContain('npm install && npm test');
  expect(workflow).toContain('npm install && .ci/start');
  expect(read('.ci/start')).toMatch(/npm start/);
});
