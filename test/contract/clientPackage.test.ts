/** The package @runloom/client as applications use it: packed, installed in an empty folder, type-checked and run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startService } from '../support/service.ts';
import { ask } from '../support/startedService.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
/** The npm of the machine, not of this repository: packing must also work with the npm of Node.js 20. */
const npm = (cwd: string, ...args: string[]) => run('npm', [...args, '--no-audit', '--no-fund', '--offline'], { cwd });

let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'runloom-client-'));
  await run('npm', ['pack', './packages/client', '--pack-destination', project], { cwd: ROOT });
  await writeFile(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  // From this repository's node_modules, so that the test needs no network.
  const local = ['graphql-ws', 'graphql', '@graphql-typed-document-node/core', '@types/node'];
  const files = local.map((name) => `file:${join(ROOT, 'node_modules', name)}`);
  await npm(project, 'install', '--install-links', ...files, './runloom-client-0.1.0.tgz');
}, 120_000);
afterAll(() => rm(project, { recursive: true }));

const example = async (): Promise<string> => {
  const readme = await readFile(join(ROOT, 'packages/client/README.md'), 'utf8');
  return /<!-- test: follow -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? expect.fail('the README has no example');
};

test('the package contains its code, types, license and README, and nothing else', async () => {
  const { stdout } = await run('tar', ['tzf', join(project, 'runloom-client-0.1.0.tgz')]);
  const names = stdout.trim().split('\n');
  expect(names).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md', 'package/dist/index.d.ts']));
  expect(
    names.filter((name) => !/^package\/(LICENSE|README\.md|package\.json|dist\/\w+(\.d\.ts|\.js))$/.test(name)),
  ).toEqual([]);
});

test.each(['bundler', 'nodenext'])(
  'the example of its README type-checks with module resolution %s',
  async (resolution) => {
    await writeFile(join(project, 'example.ts'), await example());
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      types: ['node'],
      module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution: resolution,
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['example.ts'] }));
    const checked = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project]).then(
      () => '',
      (error: { readonly stdout: string }) => error.stdout,
    );
    expect(checked).toBe('');
  },
);

test('the example of its README follows a run to its end and proves that nothing is missing', async () => {
  const service = await startService();
  onTestFinished(() => service.stop());
  const command = ['sh', '-c', 'seq 5000; sleep 1; echo last'];
  const started = await ask(
    service.url,
    'mutation Start($input: StartRunInput!) { startRun(input: $input) { run { id } } }',
    { input: { command } },
  );
  const { id } = (started.startRun as { readonly run: { readonly id: string } }).run;
  const address = service.url.replace(/^http/, 'ws');
  await writeFile(join(project, 'example.ts'), (await example()).replace('ws://127.0.0.1:4000', address));
  const { stdout } = await run(process.execPath, ['example.ts', id], { cwd: project });
  const printed = stdout.split('\n');
  expect(printed.filter((text) => /^\d+$/.test(text))).toHaveLength(5000);
  expect(printed).toEqual(expect.arrayContaining(['last', 'The log is complete.']));
});
