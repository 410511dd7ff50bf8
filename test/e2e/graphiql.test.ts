/** GraphiQL in a real browser with the real service. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { request, startRun } from '../support/clients/client.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let browser: TestBrowser | null = null;
beforeAll(async () => {
  service = await startService();
  if (hasBrowser) browser = await startBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await service?.stop();
});

const open = async (): Promise<OpenPage> => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => opened.context.close());
  // Faults of the page: each test expects none.
  await opened.page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) =>
      console.error('violation', effectiveDirective, blockedURI, sample),
    );
  });
  await visit(opened.page);
  return opened;
};
const visit = async (page: Page): Promise<void> => {
  await page.goto(`${service.url}/graphql`);
  await page.getByRole('button', { name: 'Execute query' }).waitFor({ timeout: 30_000 });
};
const tabNames = (page: Page): Promise<string[]> => page.locator('.graphiql-tab-button').allTextContents();
const tab = async (page: Page, name: string): Promise<void> => {
  await page.locator('.graphiql-tab-button', { hasText: name }).click();
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
};
const execute = (page: Page): Promise<void> => page.getByRole('button', { name: 'Execute query' }).click();
/** GraphiQL 5 sometimes ignores the first click on a tab that was just opened, so this clicks again, as a user would. */
const executeAndSee = async (page: Page, text: string | RegExp): Promise<void> => {
  const seen = page.locator('.graphiql-response', { hasText: text });
  const stop = page.getByRole('button', { name: 'Stop query' });
  const press = async (): Promise<void> => {
    if (!(await stop.isVisible())) await execute(page);
    await seen.waitFor({ timeout: 5000 });
  };
  await vi.waitFor(press, { timeout: 40_000 });
};
/** Waits until the answer contains the text. Monaco shows spaces as no-break spaces. */
const answer = async (page: Page, text: string | RegExp): Promise<void> => {
  await page.locator('.graphiql-response', { hasText: text }).waitFor({ timeout: 15_000 });
};
const newest = async (): Promise<{ readonly id: string; readonly status: string }> => {
  const { data } = await request(service.url, '{ runs(first: 1) { edges { node { id status } } } }');
  const runs = data?.runs as { edges: { node: { id: string; status: string } }[] } | undefined;
  return runs?.edges[0]?.node ?? expect.fail('there is no run');
};

test('the page is compressed in advance, and cached', async () => {
  const get = (headers: Record<string, string>) =>
    fetch(`${service.url}/graphql`, { headers: { accept: 'text/html', ...headers } });
  const plain = await get({ 'accept-encoding': 'identity' });
  const html = await plain.text();
  const packed = await get({ 'accept-encoding': 'gzip' });
  const brotli = await get({ 'accept-encoding': 'gzip, br' });
  const bytes = [plain, packed, brotli].map(({ headers }) => Number(headers.get('content-length')));
  expect([packed, brotli].map(({ headers }) => headers.get('content-encoding'))).toEqual(['gzip', 'br']);
  expect(await packed.text()).toBe(html);
  expect(bytes[2]).toBeLessThan(2_200_000);
  process.stdout.write(`GraphiQL: ${bytes[0]} bytes, ${bytes[1]} as gzip, ${bytes[2]} as brotli\n`);
  const again = await get({ 'if-none-match': brotli.headers.get('etag') ?? '' });
  expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0]);
});

test.skipIf(!hasBrowser)(
  'P2: its tabs work unchanged, under its content security policy, without requests to other hosts',
  async () => {
    const { page, requests, sent, faults } = await open();
    expect(await tabNames(page)).toEqual(['Start', 'Follow', 'History', 'Runs', 'Watch', 'Cancel']);
    await execute(page);
    await answer(page, 'PENDING');
    const { id } = await newest();
    await tab(page, 'Follow');
    await executeAndSee(page, /line\s\d+/);
    await page.getByRole('button', { name: 'Stop query' }).click();
    await page.getByRole('button', { name: 'Execute query' }).waitFor();
    expect(sent.filter(({ type }) => type === 'subscribe')).toMatchObject([{ payload: { variables: { runId: id } } }]);
    expect(sent.at(-1)?.type).toBe('complete');
    await tab(page, 'History');
    await executeAndSee(page, /"hasPrevious"/);
    await tab(page, 'Runs');
    await executeAndSee(page, /A\sminute\sof\scounting/);
    await tab(page, 'Watch');
    await executeAndSee(page, 'UPDATED');
    await tab(page, 'Cancel');
    await executeAndSee(page, id);
    await expect.poll(async () => (await newest()).status, { timeout: 20_000 }).toBe('CANCELLED');
    expect(requests.some((url) => url.startsWith('ws://'))).toBe(true);
    const host = new URL(service.url).host;
    const away = requests.filter((url) => !/^(blob|data):/.test(url) && new URL(url).host !== host);
    expect(away).toEqual([]);
    expect(faults).toEqual([]);
  },
  120_000,
);

test.skipIf(!hasBrowser)(
  'Follow collects lines as they arrive, and continues to the end of the run after Cancel in another tab',
  async () => {
    const { page, faults } = await open();
    await execute(page);
    await answer(page, 'PENDING');
    const { id } = await newest();
    await tab(page, 'Follow');
    // Several batches are shown at once, the newest first.
    await executeAndSee(page, /line\s3"[\s\S]*line\s2"/);
    await tab(page, 'Cancel');
    await executeAndSee(page, id);
    await tab(page, 'Follow');
    await answer(page, /RunFinished[\s\S]*CANCELLED[\s\S]*AttemptFinished/);
    await page.getByRole('button', { name: 'Execute query' }).waitFor();
    expect(faults).toEqual([]);
  },
  120_000,
);

test.skipIf(!hasBrowser)(
  'a typed subscription is executed: events arrive over WebSocket until it is stopped',
  async () => {
    const runId = await startRun(service.url, {
      command: ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo "typed $i"; sleep 0.2; done'],
    });
    const { page, sent, faults } = await open();
    await page.getByRole('button', { name: 'New tab' }).click();
    await page.locator('.graphiql-editor .monaco-editor').first().click();
    await page.keyboard.insertText(`subscription Typed { runLogs(runId: "${runId}") { ... on LogLine { message } } }`);
    await page.keyboard.press('Control+Enter');
    await answer(page, /typed\s\d+/);
    expect(sent.map(({ type }) => type)).toEqual(['connection_init', 'subscribe']);
    await page.getByRole('button', { name: 'Stop query' }).click();
    await page.getByRole('button', { name: 'Execute query' }).waitFor();
    await expect.poll(() => sent.at(-1)?.type, { timeout: 20_000 }).toBe('complete');
    expect(faults).toEqual([]);
    await request(service.url, `mutation { cancelRun(input: { runId: "${runId}", force: true }) { run { id } } }`);
  },
  120_000,
);

test.skipIf(!hasBrowser)(
  'the tabs are restored after a later visit and a reload',
  async () => {
    const { page } = await open();
    const names = await tabNames(page);
    await tab(page, 'History');
    await expect
      .poll(() => page.evaluate(() => localStorage.getItem('graphiql:tabState')))
      .toContain('"activeTabIndex":2');
    await visit(page);
    expect(await tabNames(page)).toEqual(names);
    await page.locator('.graphiql-tab-active', { hasText: 'History' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Execute query' }).waitFor();
    expect(await tabNames(page)).toEqual(names);
  },
  120_000,
);

test.skipIf(!hasBrowser)('D3: a browser shows markup in a log as text, and runs nothing of it', async () => {
  const markup = '<script>document.title = "run"</script><img src=x onerror="document.title = 1"><h1>big</h1>';
  const id = await startRun(service.url, { command: ['printf', '%s\\n', markup] });
  await expect.poll(async () => (await newest()).status, { timeout: 20_000 }).toBe('COMPLETED');
  const { page, requests, faults } = (await browser?.open()) ?? expect.fail('no browser');
  await page.goto(`${service.url}/runs/${id}/log.txt`);
  expect(await page.locator('pre').textContent()).toBe(`${markup}\n`);
  expect([await page.title(), await page.locator('h1, img, script').count()]).toEqual(['', 0]);
  expect(requests).toEqual([`${service.url}/runs/${id}/log.txt`]);
  expect(faults).toEqual([]);
  await page.context().close();
});
