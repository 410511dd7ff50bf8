/** The tutorial docs/tutorial/log-for-your-customer.md, as it stands, with tokens that expire after two seconds. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser, startBrowser } from '../support/clients/browser.ts';
import { post } from '../support/clients/http.ts';
import { exampleCode, ROOT } from '../support/documents.ts';
import { freePort } from '../support/network/ports.ts';
import { startService, type TestService } from '../support/service.ts';

const run = promisify(execFile);
const ADMIN_TOKEN = 'the-first-token-of-this-journey-0123456789';
let service: TestService;
let port: number;
let directory: string;
beforeAll(async () => {
  port = await freePort();
  service = await startService({
    env: { AUTH: 'tokens', ADMIN_TOKEN, ALLOWED_ORIGINS: `http://127.0.0.1:${port}` },
  });
  // Inside the repository, so that imports find the same packages as from a file beside README.md.
  await mkdir(join(ROOT, 'node_modules/.cache'), { recursive: true });
  directory = await mkdtemp(join(ROOT, 'node_modules/.cache/journey-'));
}, 90_000);
afterAll(async () => {
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

const here = (name: string): string =>
  exampleCode(name)
    .replaceAll('127.0.0.1:4000', new URL(service.url).host)
    .replaceAll('127.0.0.1:4100', `127.0.0.1:${port}`)
    .replaceAll("'./", `'${ROOT}`)
    .replace('.listen(4100,', `.listen(${port},`)
    .replace('SECONDS = 900', 'SECONDS = 2')
    .replace('sleep 1;', 'sleep 0.1;');
const shell = (name: string, env: Record<string, string>) =>
  run('sh', ['-c', here(name)], { cwd: directory, env: { ...process.env, ...env } });
const write = (file: string, name: string) => writeFile(join(directory, file), here(name));

/** The last line of journey-start, once the others have been run. Resolves when the backend listens. */
const startBackend = async (token: string): Promise<AsyncDisposable> => {
  const lines = here('journey-start').split('\n');
  const [program = '', ...args] = (lines.pop() ?? '').replace('npx node', process.execPath).split(' ');
  await run('sh', ['-c', lines.join('\n').replace('npx ', `${ROOT}node_modules/.bin/`)], { cwd: directory });
  const env = { ...process.env, RUNLOOM_TOKEN: token };
  const backend = spawn(program, args, { cwd: directory, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const closed = new Promise((resolve) => backend.once('close', resolve));
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
  return {
    async [Symbol.asyncDispose]() {
      backend.kill();
      await closed;
    },
  };
};

test.skipIf(!hasBrowser)(
  "a customer's page follows its run over several expired tokens, and can see and do nothing else",
  async () => {
    const made = JSON.parse((await shell('journey-token', { ADMIN_TOKEN })).stdout);
    const token: string = made.data.createApiToken.token;
    expect(token).toMatch(/^rl_/);
    await Promise.all([write('backend.mjs', 'journey-backend'), write('page.js', 'journey-page')]);
    await using _backend = await startBackend(token);
    const start = 'mutation { startRun(input: { command: ["true"] }) { run { id } } }';
    const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const other: string = (await post(service.url, start, {}, admin)).data.startRun.run.id;

    await using browser = await startBrowser();
    const { page, sent, faults } = await browser.open();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByText('That was all of it.').waitFor({ timeout: 90_000 });
    const lines = ((await page.locator('pre').textContent()) ?? '').trim().split('\n');
    expect(lines).toEqual([...Array.from({ length: 60 }, (_, i) => `line ${i + 1}`), 'That was all of it.']);
    const inits = sent.filter(({ type }) => type === 'connection_init').map(({ payload }) => JSON.stringify(payload));
    expect(new Set(inits).size).toBeGreaterThan(1);
    expect(inits.join()).not.toContain('rl_');
    expect(faults).toEqual([]);

    const { stdout } = await shell('journey-limits', {});
    const [seen, started, tokens] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(seen.data).toMatchObject({ viewer: { scopes: ['RUNS_READ', 'LOGS_READ'] }, runs: { edges: [{}] } });
    expect(seen.data.runs.edges[0].node.id).not.toBe(other);
    expect([started, tokens].map(({ errors }) => errors[0].extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    const given = (await (await fetch(`http://127.0.0.1:${port}/token`, { method: 'POST' })).json()) as {
      token: string;
    };
    const mine = { authorization: `Bearer ${given.token}` };
    expect((await post(service.url, `{ run(id: "${other}") { id } }`, {}, mine)).data).toEqual({ run: null });
    expect((await fetch(`${service.url}/runs/${other}/log.txt`, { headers: mine })).status).toBe(404);
  },
  180_000,
);
