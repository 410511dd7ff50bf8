/** The viewer loses no line and shows none twice, whatever happens to its connection. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { startRun } from '../support/clients/client.ts';
import { type LinkProxy, startLinkProxy } from '../support/network/linkProxy.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

/** The machine can be busy; every condition gets this long. */
const SOON = { timeout: 30_000 };
/** Until the service has an address. */
const NOWHERE = 'http://127.0.0.1:1';
let data: DataDirectory;
let proxy: LinkProxy;
let service: StartedService;
/** Of the service itself: what a test asks does not go through the proxy. */
let address: string;
let browser: TestBrowser | null = null;

/** Starts the service on the same data; the address that pages know stays. */
const startService = async (): Promise<void> => {
  service = spawnService({ env: { DATA_DIR: data.path, ALLOWED_ORIGINS: proxy.url } });
  address = await service.address();
  proxy.target(address);
};
beforeAll(async () => {
  data = await dataDirectory();
  proxy = await startLinkProxy(NOWHERE);
  await startService();
  if (hasBrowser) browser = await startBrowser();
  // The first start builds the viewer; `/` waits for that.
  await fetch(address);
}, 120_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

/** Opens a run that prints `count` lines, about 12 a second. */
const follow = async (count: number, prepare?: (page: Page) => Promise<void>): Promise<OpenPage> => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(async () => {
    await opened.context.close();
    proxy.refuseWebSockets(false);
  });
  await prepare?.(opened.page);
  const command = ['sh', '-c', `for i in $(seq ${count}); do echo "line $i"; sleep 0.08; done`];
  const runId = await startRun(address, { command });
  await opened.page.goto(`${proxy.url}/?run=${runId}`);
  await line(opened.page, 5).waitFor(SOON);
  return opened;
};
const line = (page: Page, number: number) => page.locator('.row .text').getByText(`line ${number}`, { exact: true });
const badge = (page: Page) => page.locator('output.badge');
/** Waits for the end, and expects every line once and in order, and the log verified. */
const expectWhole = async (page: Page, count: number): Promise<void> => {
  await page.getByText('whole: digest verified').waitFor(SOON);
  await line(page, count).waitFor(SOON);
  const lines = (await page.locator('.row .text').allTextContents()).filter((text) => text.startsWith('line '));
  expect(lines).toEqual(Array.from({ length: count }, (_, i) => `line ${i + 1}`));
};

test.skipIf(!hasBrowser)(
  'the service is killed and started again: the badge says so, and no line is lost or doubled',
  async () => {
    const { page } = await follow(100);
    expect(await badge(page).textContent()).toBe('live');
    service.child.kill('SIGKILL');
    await service.ended;
    proxy.target(null);
    await expect.poll(() => badge(page).textContent(), SOON).toMatch(/^reconnecting in \d+ s$/);
    // Read aloud is only that it reconnects, not each second until then.
    expect(await badge(page).ariaSnapshot()).toMatch(/: reconnecting$/);
    await startService();
    await expect.poll(() => badge(page).textContent(), SOON).toMatch(/live|whole/);
    await expectWhole(page, 100);
  },
);

test.skipIf(!hasBrowser)(
  'the laptop sleeps for an hour, and its connection dies unnoticed: the page finds out, and no line is lost or doubled',
  async () => {
    const { page } = await follow(100, (opening) => opening.clock.install());
    // The browser itself drops idle connections of HTTP when the machine sleeps. Here they are cut before.
    proxy.cut();
    const last = async (): Promise<number> =>
      Number((await page.locator('.row .text').last().textContent())?.replace('line ', ''));
    const before = await last();
    await expect.poll(last, SOON).toBeGreaterThan(before);
    proxy.stall();
    await page.clock.fastForward(3_600_000);
    await expectWhole(page, 100);
  },
);

test.skipIf(!hasBrowser)('the network goes and comes back: no line is lost or doubled', async () => {
  const { page, context } = await follow(100);
  await context.setOffline(true);
  proxy.cut();
  await expect.poll(() => badge(page).textContent(), SOON).toMatch(/^reconnecting/);
  await context.setOffline(false);
  await expectWhole(page, 100);
});

test.skipIf(!hasBrowser)(
  'behind a proxy that refuses WebSockets the page uses SSE by itself, and loses nothing when that is cut',
  async () => {
    proxy.refuseWebSockets(true);
    const { page } = await follow(100);
    expect(await badge(page).getAttribute('data-over')).toBe('SSE');
    proxy.cut();
    await line(page, 60).waitFor(SOON);
    // A connection that is silent but open: found dead when the page is woken.
    proxy.stall();
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await expectWhole(page, 100);
  },
);

test.skipIf(!hasBrowser)(
  'in a network that blocks WebSockets after one has worked, the page goes on over SSE: no line is lost or doubled',
  async () => {
    const { page } = await follow(100);
    proxy.refuseWebSockets(true);
    proxy.cut();
    await expect.poll(() => badge(page).getAttribute('data-over'), SOON).toBe('SSE');
    await expectWhole(page, 100);
  },
);
