/** The viewer at `/` in a real browser with the real service. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { request, startRun } from '../support/clients/client.ts';
import { type LinkProxy, startLinkProxy } from '../support/network/linkProxy.ts';
import { startService, type TestService } from '../support/service.ts';

/** The machine can be busy; every condition gets this long. */
const SOON = { timeout: 20_000 };
/** Until the service has an address. */
const NOWHERE = 'http://127.0.0.1:1';
let service: TestService;
let proxy: LinkProxy;
let browser: TestBrowser | null = null;
beforeAll(async () => {
  proxy = await startLinkProxy(NOWHERE);
  // Pages that come through the proxy have its origin.
  service = await startService({ env: { ALLOWED_ORIGINS: proxy.url } });
  proxy.target(service.url);
  if (hasBrowser) browser = await startBrowser();
  // The first start builds the viewer; `/` waits for that.
  await fetch(service.url);
}, 120_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await service?.stop();
});

const open = async (path: string, base = service.url): Promise<OpenPage> => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => opened.context.close());
  await opened.page.goto(`${base}/${path}`);
  return opened;
};
const shell = (line: string): Promise<string> => startRun(service.url, { command: ['sh', '-c', line] });
const finished = async (runId: string): Promise<void> => {
  const status = async (): Promise<unknown> =>
    (await request(service.url, `{ run(id: "${runId}") { finishedAt } }`)).data?.run;
  await expect.poll(status, { timeout: 30_000 }).not.toEqual({ finishedAt: null });
};
/** Texts of the rows that are in the document. */
const rowTexts = (page: Page): Promise<string[]> => page.locator('.row .text').allTextContents();
const row = (page: Page, text: string) => page.locator('.row .text').getByText(text, { exact: true });
/** What axe-core finds, as text. */
const violations = async (page: Page): Promise<readonly string[]> => {
  // Not as a script tag: the policy of the page lets none in.
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    interface Found {
      readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
    }
    const { axe: inPage } = window as unknown as { readonly axe: { run(): Promise<Found> } };
    const found = await inPage.run();
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
  });
};

test('the page and its assets: strict policy, ETag, compressed, assets immutable; at most 150 kB for the first view', async () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}${path}`, { headers: { 'accept-encoding': 'gzip', ...headers } });
  const page = await get('/');
  const html = await page.text();
  expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self';/);
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe');
  expect(html).not.toMatch(/<script(?![^>]* src=)/);
  const again = await get('/', { 'if-none-match': page.headers.get('etag') ?? '' });
  expect(again.status).toBe(304);
  const assets = [...html.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
  let bytes = Number(page.headers.get('content-length'));
  for (const path of assets) {
    const asset = await get(path);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    bytes += Number(asset.headers.get('content-length'));
    await asset.arrayBuffer();
  }
  process.stdout.write(`viewer: ${bytes} bytes gzipped for the first view\n`);
  expect(bytes).toBeLessThan(150_000);
  expect((await get('/assets/../../package.json')).status).toBe(404);
  expect((await get('/assets/none.js')).status).toBe(404);
});

test.skipIf(!hasBrowser)(
  'a reader starts a run in the list, follows it live, and sees that the log is whole',
  async () => {
    const { page, requests, faults } = await open('');
    await page.getByRole('button', { name: 'Start a run' }).click();
    await page
      .getByLabel('Command', { exact: true })
      .fill('echo "hello $NAME"; echo "::output::{\\"files\\":3}"; exit 3');
    await page.getByText('Environment, input, labels').click();
    await page.getByLabel('Environment', { exact: true }).fill('NAME=viewer');
    await page.getByLabel('Input', { exact: true }).fill('{ not json');
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    await page.getByText(/This is not JSON/).waitFor();
    await page.getByLabel('Input', { exact: true }).fill('{"a":1}');
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    await row(page, 'hello viewer').waitFor();
    await page.getByText('whole: digest verified').waitFor();
    await page.getByLabel('Failure').getByText('The command exited with code 3.').waitFor();
    await page.getByLabel('Output').getByText('files').waitFor();
    // Back in the list, the run is there with its failure; a filter by status hides and shows it.
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    const link = page.getByRole('link', { name: /hello \$NAME/ });
    await link.first().waitFor();
    await page.getByRole('checkbox', { name: 'running' }).check();
    await page.getByText('No run matches.').waitFor();
    await page.getByRole('button', { name: 'Show all runs' }).click();
    await link.first().waitFor();
    const host = new URL(service.url).host;
    expect(requests.filter((url) => !/^(blob|data):/.test(url) && new URL(url).host !== host)).toEqual([]);
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'the list is live: a run that starts elsewhere appears, is cancelled, duplicated and deleted',
  async () => {
    const { page, faults } = await open('');
    await page.getByText('live', { exact: true }).waitFor();
    await startRun(service.url, {
      name: 'from elsewhere',
      command: ['sleep', '60'],
      labels: [{ name: 'team', value: 'web' }],
    });
    await page.getByRole('link', { name: 'from elsewhere' }).waitFor();
    await page.getByLabel('Labels').fill('team=web');
    await page.getByLabel('Labels').press('Enter');
    await page.getByRole('button', { name: 'Duplicate from elsewhere' }).click();
    await expect.poll(() => page.getByLabel('Command', { exact: true }).inputValue(), SOON).toBe('sleep\n60');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Cancel from elsewhere' }).click();
    await page.locator('tr', { hasText: 'from elsewhere' }).getByText('CANCELLED').waitFor();
    await page.getByRole('button', { name: 'Delete from elsewhere' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No run matches.').waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'a log is only ever text: markup, scripts and unsafe links do nothing; colours and safe links work',
  async () => {
    const line = [
      '<img src=x onerror="window.hit=1"><script>window.hit=2</script>',
      '\\033]8;;javascript:window.hit=3\\007click\\033]8;;\\007 javascript:window.hit=4 https://example.org/a?b=1.',
      '\\033[31mred\\033[0m \\033[38;5;208mpalette\\033[0m \\033[38;2;1;2;3mtrue\\033[0m',
    ].join('\\n');
    const runId = await shell(`printf '${line}\\n'`);
    await finished(runId);
    const { page, faults } = await open(`?run=${runId}`);
    await row(page, '<img src=x onerror="window.hit=1"><script>window.hit=2</script>').waitFor();
    const links = await page.locator('.log .text a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    expect(links).toEqual(['https://example.org/a?b=1']);
    expect(
      await page
        .locator('.log')
        .getByText(/^click javascript:/)
        .count(),
    ).toBe(1);
    expect(await page.locator('.log .text img, .log .text script').count()).toBe(0);
    expect(await page.getByText('palette', { exact: true }).getAttribute('style')).toContain('rgb(255, 135, 0)');
    expect(await page.getByText('true', { exact: true }).getAttribute('style')).toContain('rgb(1, 2, 3)');
    expect(await page.getByText('red', { exact: true }).getAttribute('class')).toBe('ansi-red');
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'following stops when the reader scrolls up and says how many lines are new; nothing is lost over a cut',
  async () => {
    const runId = await shell('seq 400; for i in $(seq 401 500); do echo $i; sleep 0.05; done');
    const { page } = await open(`?run=${runId}`, proxy.url);
    await row(page, '410').waitFor();
    proxy.cut();
    await row(page, '430').waitFor({ timeout: 15_000 });
    await page.getByRole('log').hover();
    await page.mouse.wheel(0, -2000);
    await page.getByRole('button', { name: /\d+ new lines/ }).click();
    await row(page, '500').waitFor({ timeout: 20_000 });
    // What came before is read when the reader goes there.
    await expect
      .poll(async () => {
        await page.getByRole('log').evaluate((log) => log.scrollTo(0, 0));
        return await row(page, '301').count();
      }, SOON)
      .toBe(1);
    const numbers = (await rowTexts(page)).map(Number).filter((number) => number > 300);
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i + 301));
  },
);

test.skipIf(!hasBrowser)('where WebSockets are blocked, the page works over SSE by itself', async () => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => opened.context.close());
  const { page } = opened;
  await page.routeWebSocket(/graphql/, (socket) => socket.close({ code: 1006 }));
  const runId = await shell('for i in $(seq 100); do echo "over sse $i"; sleep 0.1; done');
  await page.goto(`${service.url}/?run=${runId}`);
  await row(page, 'over sse 60').waitFor({ timeout: 20_000 });
  expect(await page.locator('output.badge').getAttribute('data-over')).toBe('SSE');
});

test.skipIf(!hasBrowser).each(['light', 'dark'] as const)(
  'axe finds nothing in the %s theme: list, form, run, keys',
  async (colorScheme) => {
    const runId = await startRun(service.url, {
      name: `axe ${colorScheme}`,
      command: [
        'sh',
        '-c',
        `printf '\\033[31mred \\033[32mgreen \\033[33myellow \\033[34mblue\\033[0m\\n'; echo warn >&2; echo "::warning::careful"; exit 1`,
      ],
    });
    await finished(runId);
    const { page } = await open('');
    await page.emulateMedia({ colorScheme });
    await page.getByRole('link', { name: `axe ${colorScheme}` }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('s');
    await page.getByRole('dialog').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: `axe ${colorScheme}` }).click();
    await page.locator('.row', { hasText: 'careful' }).waitFor();
    expect(await violations(page)).toEqual([]);
  },
);
