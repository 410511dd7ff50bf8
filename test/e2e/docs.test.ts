/** Runs every example of the documentation. Only the address of the service is replaced. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whatIsMissing } from '../../packages/client/src/proof.ts';
import { hasBrowser, startBrowser } from '../support/clients/browser.ts';
import { follow, startRun, wsClient } from '../support/clients/client.ts';
import { EXAMPLES, exampleCode, ROOT } from '../support/documents.ts';
import { startService, type TestService } from '../support/service.ts';

const used = new Set<string>();
const example = (name: string): string => {
  used.add(name);
  return exampleCode(name);
};

let service: TestService;
let directory: string;
let runId: string;
beforeAll(async () => {
  service = await startService();
  // Inside the repository, so that imports find the same packages as from a file beside README.md.
  await mkdir(join(ROOT, 'node_modules/.cache'), { recursive: true });
  directory = await mkdtemp(join(ROOT, 'node_modules/.cache/docs-'));
  runId = await startRun(service.url, { command: ['sh', '-c', 'for i in 1 2 3; do echo line $i; done'] });
  await follow(wsClient(service.url), runId);
}, 90_000);
afterAll(async () => {
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

const here = (code: string): string => code.replaceAll('127.0.0.1:4000', new URL(service.url).host);
const run = promisify(execFile);
const shell = async (name: string): Promise<string> =>
  (await run('sh', ['-c', here(example(name))], { env: { ...process.env, RUN: runId } })).stdout;
const node = async (name: string): Promise<string> => {
  const file = join(directory, `${name}.mjs`);
  await writeFile(file, here(example(name)).replaceAll("'./", `'${ROOT}`));
  return (await run(process.execPath, [file, runId], { timeout: 50_000 })).stdout;
};

test('curl starts a run', async () => {
  const answer = JSON.parse(await shell('curl-start'));
  expect(answer.data.startRun.run.id).toMatch(/^[0-9a-f-]{36}$/);
  const { events } = await follow(wsClient(service.url), answer.data.startRun.run.id);
  expect(events.map(({ message }) => message)).toEqual(expect.arrayContaining(['line 1', 'line 2', 'line 3']));
});

test('curl follows a run by server-sent events', async () => {
  const text = await shell('curl-follow');
  expect(text).toMatch(/^event: next\n/m);
  expect(text).toContain('"message":"line 3"');
  expect(text).toMatch(/"RunFinished".*\n[\s\S]*^event: complete/m);
});

test.skipIf(!hasBrowser)('EventSource in a page follows a run', async () => {
  const code = example('event-source');
  await using browser = await startBrowser();
  const { page } = await browser.open();
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  await page.goto(`${service.url}/health/live`);
  await page.evaluate(`{ const id = ${JSON.stringify(runId)}; ${code} }`);
  await expect.poll(() => said, { timeout: 20_000 }).toEqual(expect.arrayContaining(['line 1', 'line 2', 'line 3']));
});

test('the log can be downloaded as text, and as NDJSON after a position', async () => {
  const text = await shell('download');
  expect(text).toMatch(/^line 1\nline 2\nline 3\n\{/);
  const seqs = text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line).seq] : []));
  expect(seqs[0]).toBe(4);
  expect(text).toContain('"RunFinished"');
});

test('graphql-ws follows a run to its end', async () => {
  expect(await node('graphql-ws')).toBe('line 1\nline 2\nline 3\nRun COMPLETED\nThat was all of it.\n');
});

test.each(['apollo', 'urql'])('%s starts a run and shows its output', async (name) => {
  expect(await node(name)).toBe('hello\n');
});

test('the proof shows that a complete log is complete, and names what is missing from another', async () => {
  expect(await node('proof')).toBe('Nothing is missing.\n');
  const { events } = await follow(wsClient(service.url), runId);
  const end = events.at(-1);
  expect(await shell('sha256')).toBe(`${end?.digest}  -\n`);
  expect(await whatIsMissing(events)).toBeNull();
  expect(await whatIsMissing(events.slice(1))).toBe('Event 1 is missing: event 2 came in its place.');
  expect(await whatIsMissing(events.slice(0, -1))).toBe('The run has not finished.');
  const changed = events.map((event) => (event.message === 'line 2' ? { ...event, message: 'line two' } : event));
  expect(await whatIsMissing(changed)).toMatch(/^The lines differ/);
});

/** The path of a program: on the PATH, or in the folder of its own installer. */
const found = (name: string, ...more: string[]): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), ...more]
    .map((path) => join(path, name))
    .find((path) => existsSync(path));
const [python, go, java] = [found('python3'), found('go', '/usr/local/go/bin', '/usr/lib/go/bin'), found('java')];

const commands: Record<string, { readonly there: boolean; command(code: string): Promise<string[]> }> = {
  sh: { there: true, command: async (code) => ['sh', '-c', code] },
  javascript: { there: true, command: async (code) => [process.execPath, '--input-type=module', '-e', code] },
  python: { there: python !== undefined, command: async (code) => [python ?? '', '-c', code] },
  go: {
    there: go !== undefined,
    command: async (code) => {
      const [source, program] = [join(directory, 'main.go'), join(directory, 'main')];
      await writeFile(source, code);
      await run(go ?? '', ['build', '-o', program, source]);
      return [program];
    },
  },
  java: {
    there: java !== undefined,
    command: async (code) => {
      const source = join(directory, 'Main.java');
      await writeFile(source, code);
      return [java ?? '', source];
    },
  },
};

test('the documentation has an example command in each of five languages', () => {
  const languages = EXAMPLES.flatMap(({ name }) => /^command (\w+)$/.exec(name)?.[1] ?? []);
  expect(languages.sort()).toEqual(Object.keys(commands).sort());
});

for (const [language, { there, command }] of Object.entries(commands)) {
  test.skipIf(!there)(
    `the example command in ${language} prints records, a group, progress and an output`,
    async () => {
      const id = await startRun(service.url, { command: await command(example(`command ${language}`)) });
      const { events } = await follow(wsClient(service.url), id);
      const of = (type: string) => events.filter(({ __typename }) => __typename === type);
      expect(of('LogLine')).toMatchObject([
        ...[1, 2, 3].map((i) => ({
          stream: 'LOGGER',
          level: 'INFO',
          message: 'resized',
          fields: { file: `${i}.png` },
        })),
        { stream: 'LOGGER', level: 'ERROR', message: 'not resized', exception: { message: '4.png is no picture' } },
      ]);
      expect(of('ProgressUpdated').at(-1)).toMatchObject({ current: 3, total: 3, unit: 'files', label: 'Resize' });
      expect([...of('GroupStarted'), ...of('GroupEnded')]).toMatchObject([{ name: 'Resize' }, { name: 'Resize' }]);
      expect(of('OutputProduced')).toMatchObject([{ value: { resized: 3 } }]);
      expect(events.at(-1)).toMatchObject({ __typename: 'RunFinished', finalStatus: 'COMPLETED' });
    },
    120_000,
  );
}

/** Examples that other tests run. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['token', 'backend', 'page', 'start', 'limits'].map((part) => [`journey-${part}`, 'test/e2e/journey.test.ts']),
  ),
  'search-next': 'test/integration/search/runSearch.test.ts',
  'search-follow': 'test/integration/search/runLogSearch.test.ts',
  vite: 'test/integration/http/vite.test.ts',
  nginx: 'test/integration/http/reverseProxy.test.ts',
};

test('every example of the documentation is run', async () => {
  const skipped = Object.entries(commands).flatMap(([language, { there }]) => (there ? [] : [`command ${language}`]));
  if (!hasBrowser) skipped.push('event-source');
  const names = EXAMPLES.map(({ name }) => name);
  expect([...used, ...skipped, ...Object.keys(ELSEWHERE)].sort()).toEqual(names.sort());
  for (const [name, path] of Object.entries(ELSEWHERE)) {
    expect(await readFile(join(ROOT, path), 'utf8'), path).toContain(`'${name}'`);
  }
});
