/** The pages of examples/ in a real browser with the real service, started by their npm commands. */
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { type LinkProxy, startLinkProxy } from '../support/network/linkProxy.ts';
import { startService, type TestService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let service: TestService;
let proxy: LinkProxy;
let browser: TestBrowser | null = null;
beforeAll(async () => {
  service = await startService();
  proxy = await startLinkProxy(service.url);
  if (hasBrowser) browser = await startBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await service?.stop();
});

/** Runs `npm run example:<name>`; resolves to the address of the page. */
const serve = async (name: string): Promise<string> => {
  const child = spawn('npm', ['run', '--silent', `example:${name}`], {
    cwd: ROOT,
    env: { ...process.env, SERVICE: proxy.url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await closed;
  });
  return await new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const address = /^Example: (\S+)$/m.exec(out)?.[1];
      if (address) resolve(address);
    });
    child.once('close', () => reject(new Error(out)));
  });
};

test.skipIf(!hasBrowser).each(['apollo', 'urql'])(
  'the page with %s starts a run, follows it through five lost connections, and proves that nothing is missing',
  async (name) => {
    const { page, faults } = (await browser?.open()) ?? expect.fail('no browser');
    await page.goto(await serve(name));
    await page.getByLabel('Command').fill('for i in $(seq 60); do echo "line $i"; sleep 0.1; done; echo done >&2');
    await page.getByRole('button', { name: 'Start' }).click();
    for (const line of [5, 12, 20, 30, 40]) {
      await page.getByText(`line ${line}`, { exact: true }).waitFor();
      proxy.cut();
    }
    await page.getByText('The log is complete.').waitFor({ timeout: 30_000 });
    const lines = (await page.locator('li').allTextContents()).flatMap((text) => /line (\d+)$/.exec(text)?.[1] ?? []);
    expect(lines).toEqual(Array.from({ length: 60 }, (_, i) => String(i + 1)));
    expect(await page.locator('output').textContent()).toBe('ended');
    expect(await page.getByText(/^[\d,]+ events$/).count()).toBe(1);
    // A second run from the same page starts with an empty log, and ends when it is cancelled.
    await page.getByLabel('Command').fill('echo second; sleep 60');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('second', { exact: true }).waitFor();
    expect(await page.getByText('line 60').count()).toBe(0);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('CANCELLED', { exact: true }).waitFor();
    // Chromium logs every lost connection to the console. Nothing else is allowed there.
    expect(faults.filter((fault) => !/WebSocket connection to .* failed/.test(fault))).toEqual([]);
  },
  120_000,
);

test.skipIf(!hasBrowser).each(['apollo', 'urql'])(
  'the page with %s shows a million lines completely, and can scroll through them',
  async (name) => {
    const { page, faults } = (await browser?.open()) ?? expect.fail('no browser');
    await page.goto(await serve(name));
    await page.getByLabel('Command').fill('seq 1000000');
    const started = performance.now();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('The log is complete.').waitFor({ timeout: 240_000 });
    const seconds = (performance.now() - started) / 1000;
    const heap = await page.evaluate('performance.memory.usedJSHeapSize');
    process.stdout.write(
      `${name}: 1,000,000 lines in ${seconds.toFixed(1)} s at load ${loadavg()[0]?.toFixed(1)}, ` +
        `heap ${Math.round(Number(heap) / 1e6)} MB\n`,
    );
    expect(await page.getByText(/^1,000,0\d\d events$/).count()).toBe(1);
    // The view is at the end; only nearby lines are in the document, and no line number overlaps its text.
    const rows = page.locator('li');
    expect(await rows.last().textContent()).toMatch(/^1000\d\d\dRun COMPLETED$/);
    expect(await rows.count()).toBeLessThan(400);
    for (const row of [rows.last(), page.locator('li', { hasText: /^10000\d\d1000000$/ })]) {
      const [number, text] = await Promise.all(
        [row.locator('b'), row.locator('span')].map((part) => part.boundingBox()),
      );
      expect((number?.x ?? 0) + (number?.width ?? 0)).toBeLessThan(text?.x ?? 0);
    }
    const log = page.locator('.log');
    await log.evaluate((element) => element.scrollTo(0, 0));
    await page.getByText('PENDING', { exact: true }).waitFor();
    await log.evaluate((element) => element.scrollTo(0, 16 * 500_000));
    await page.locator('li', { hasText: /^500000\d+$/ }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  },
  300_000,
);
