/** `<runloom-log>` as other pages use it: packed, installed in an empty folder, and shown on a page of another origin. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { post } from '../support/clients/http.ts';
import { startService, type TestService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const run = promisify(execFile);
/** The machine can be busy; every condition gets this long. */
const SOON = { timeout: 20_000 };
const LONG = { timeout: 40_000 };
const ADMIN_TOKEN = 'the-first-token-of-this-installation';
/** Long enough to open the log, short enough to expire in the middle of it. */
const TOKEN_SECONDS = 4;

/** A refused request is an error in the console of Chromium, whatever the page makes of it. */
const EXPECTED = /status of 401|net::ERR_|WebSocket connection to/;

let folder: string;
let site: Server;
let origin: string;
let service: TestService;
let browser: TestBrowser | null = null;
/** How often a page has asked its backend for a token, by its run. */
const tokensMade = new Map<string, number>();

const ask = async (query: string, variables: Record<string, unknown>): Promise<Record<string, never>> =>
  (await post(service.url, query, variables, { authorization: `Bearer ${ADMIN_TOKEN}` })).data;
const shell = async (line: string): Promise<string> => {
  const start = 'mutation($c: [String!]!) { startRun(input: { command: $c }) { run { id } } }';
  const { startRun } = await ask(start, { c: ['sh', '-c', line] });
  return (startRun as unknown as { readonly run: { readonly id: string } }).run.id;
};
const runToken = async (runId: string, seconds = TOKEN_SECONDS): Promise<string> => {
  const make = `mutation($id: ID!, $s: Int) {
    createRunToken(input: { runIds: [$id], expiresInSeconds: $s }) { runToken { token } } }`;
  const { createRunToken } = await ask(make, { id: runId, s: seconds });
  return (createRunToken as unknown as { readonly runToken: { readonly token: string } }).runToken.token;
};
/** The example of the README, for this service. */
const example = async (): Promise<string> => {
  const readme = await readFile(join(ROOT, 'packages/log-element/README.md'), 'utf8');
  const found = /<!-- test: element -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? expect.fail('no example');
  return found.replace('https://runs.example.org', service.url);
};

/** The page of another origin, with a strict policy. */
const answer = async (path: string, referer: string): Promise<readonly [type: string, body: string]> => {
  if (path === '/runloom-log.js') {
    const file = join(folder, 'node_modules/@runloom/log-element/dist/runloom-log.js');
    return ['text/javascript', await readFile(file, 'utf8')];
  }
  if (path === '/page.js')
    return ['text/javascript', (await example()).replace('@runloom/log-element', '/runloom-log.js')];
  if (path === '/token') {
    const runId = new URL(referer).searchParams.get('run') ?? '';
    tokensMade.set(runId, (tokensMade.get(runId) ?? 0) + 1);
    return ['text/plain', await runToken(runId)];
  }
  const script = '<script type="module" src="/page.js"></script>';
  return ['text/html', `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">${script}`];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runloom-element-'));
  site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site.invalid');
    const policy = [
      "default-src 'none'; script-src 'self'; img-src data:; require-trusted-types-for 'script'",
      `connect-src 'self' ${service.url} ${service.url.replace('http', 'ws')}`,
    ].join('; ');
    void answer(pathname, request.headers.referer ?? '').then(([type, body]) => {
      response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
    });
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  // The npm of the machine, not of this repository: packing must also work with the npm of Node.js 20.
  const npm = (cwd: string, ...args: string[]) =>
    run('npm', [...args, '--no-audit', '--no-fund', '--offline'], { cwd });
  const install = async (): Promise<void> => {
    await npm(ROOT, 'pack', './packages/log-element', '--pack-destination', folder);
    await writeFile(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
    await npm(folder, 'install', './runloom-log-element-0.1.0.tgz');
  };
  const env = { AUTH: 'tokens', ADMIN_TOKEN, ALLOWED_ORIGINS: origin, VIEWER: 'off' };
  [service] = await Promise.all([startService({ env }), install()]);
  if (hasBrowser) browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await service?.stop();
  site?.closeAllConnections();
  site?.close();
  await rm(folder, { recursive: true, force: true });
});

const open = async (runId: string, over: 'WebSocket' | 'SSE' = 'WebSocket'): Promise<OpenPage> => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => opened.context.close());
  if (over === 'SSE') await opened.page.routeWebSocket(/graphql/, (socket) => socket.close({ code: 1006 }));
  await opened.page.goto(`${origin}/?run=${runId}`);
  return opened;
};
const row = (within: Page | Locator, text: string) => within.locator('.row .text').getByText(text, { exact: true });

test('the package of <runloom-log> has one file of code, its types and all licenses, and no dependencies', async () => {
  const { stdout } = await run('tar', ['tzf', join(folder, 'runloom-log-element-0.1.0.tgz')]);
  const files = ['LICENSE', 'README.md', 'dist/LICENSES.md', 'dist/runloom-log.d.ts', 'dist/runloom-log.js'];
  expect(stdout.trim().split('\n').sort()).toEqual([...files, 'package.json'].map((name) => `package/${name}`).sort());
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as { readonly packages: object };
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/@runloom/log-element']);
});

test('the example of its README type-checks', async () => {
  await writeFile(join(folder, 'example.ts'), await example());
  const compilerOptions = { strict: true, noEmit: true, target: 'es2022', lib: ['es2023', 'dom'], types: [] };
  const resolution = { module: 'esnext', moduleResolution: 'bundler' };
  const config = { compilerOptions: { ...compilerOptions, ...resolution }, include: ['example.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const checked = await run(process.execPath, [TSC, '-p', folder]).then(
    () => '',
    (error: { readonly stdout: string }) => error.stdout,
  );
  expect(checked).toBe('');
});

/** Follows a run of 90 lines in 9 s with tokens of 4 s. */
const expectWhole = async (over: 'WebSocket' | 'SSE'): Promise<void> => {
  const runId = await shell('for i in $(seq 90); do echo "line $i"; sleep 0.1; done');
  const { page, faults } = await open(runId, over);
  await row(page, 'line 5').waitFor(SOON);
  await row(page, 'line 90').waitFor(LONG);
  await page.getByText('whole: digest verified').waitFor(SOON);
  const lines = (await page.locator('.row .text').allTextContents()).filter((text) => text.startsWith('line '));
  expect(lines).toEqual(Array.from({ length: 90 }, (_, i) => `line ${i + 1}`));
  expect(await page.locator('output.badge').getAttribute('data-over')).toBe(over);
  expect(tokensMade.get(runId)).toBeGreaterThan(1);
  expect(faults.filter((text) => !EXPECTED.test(text))).toEqual([]);
};

test.skipIf(!hasBrowser)(
  'in a page of another origin with a strict policy, a log survives the end of its run token, over WebSocket and SSE: whole, nothing lost or doubled',
  async () => {
    await Promise.all([expectWhole('WebSocket'), expectWhole('SSE')]);
  },
);

test.skipIf(!hasBrowser)(
  'several logs work side by side; keys act in the focused one; styles stay apart; a removed one closes its connection',
  async () => {
    const [first, second] = [await shell('echo one; sleep 60'), await shell('seq 300; sleep 60')];
    const { page, faults } = await open(first);
    const sockets: { closed: boolean }[] = [];
    page.on('websocket', (socket) => {
      const entry = { closed: false };
      sockets.push(entry);
      socket.on('close', () => {
        entry.closed = true;
      });
    });
    await row(page, 'one').waitFor(SOON);
    // Its attribute is not renewed.
    const token = await runToken(second, 600);
    await page.evaluate(
      ([url, id, text]) => {
        const log = document.createElement('runloom-log');
        for (const [name, value] of [
          ['endpoint', url],
          ['run-id', id],
          ['token', text],
          ['theme', 'dark'],
        ] as const) {
          log.setAttribute(name, value ?? '');
        }
        log.style.setProperty('--runloom-bg', 'rgb(1, 2, 3)');
        document.body.append(log);
      },
      [`${service.url}/graphql`, second, token],
    );
    const [one, two] = [page.locator('runloom-log').first(), page.locator('runloom-log').last()];
    await row(two, '300').waitFor(SOON);
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, SOON).toBe(1);
    const look = (log: Locator) =>
      log.evaluate((element) => {
        const { backgroundColor, color } = getComputedStyle(element);
        return { backgroundColor, color, body: getComputedStyle(document.body).backgroundColor };
      });
    expect(await look(two)).toEqual({
      backgroundColor: 'rgb(1, 2, 3)',
      color: 'rgb(220, 227, 234)',
      body: 'rgba(0, 0, 0, 0)',
    });
    expect(await look(one)).toMatchObject({ backgroundColor: 'rgb(255, 255, 255)', color: 'rgb(27, 35, 44)' });
    // `/` in the body does nothing; in a log, it goes to the search of that log. The address stays the page's.
    await page.keyboard.press('/');
    expect(await page.evaluate(() => document.activeElement?.localName)).toBe('body');
    await two.getByRole('log').focus();
    await page.keyboard.press('g');
    await row(two, '1').waitFor(SOON);
    await page.keyboard.press('/');
    await page.keyboard.type('gone');
    expect(await two.getByLabel('Search in the log').inputValue()).toBe('gone');
    await two.locator('.row .number').nth(5).click();
    expect(page.url()).toBe(`${origin}/?run=${first}`);
    const found = await page.evaluate(axe.source).then(() =>
      page.evaluate(async () => {
        interface Found {
          readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
        }
        const { axe: inPage } = window as unknown as { readonly axe: { run(on: string): Promise<Found> } };
        const { violations } = await inPage.run('runloom-log');
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
      }),
    );
    expect(found).toEqual([]);
    // Moved, it keeps its log; removed, it closes its connection.
    await two.evaluate((element) => document.body.prepend(element));
    await row(page.locator('runloom-log').first(), '1').waitFor(SOON);
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, SOON).toBe(1);
    await page
      .locator('runloom-log')
      .first()
      .evaluate((element) => element.remove());
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, SOON).toBe(0);
    expect(faults.filter((text) => !EXPECTED.test(text))).toEqual([]);
  },
);
