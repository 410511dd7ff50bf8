/** The viewer for readers with a keyboard alone, with a screen reader, with another language, on a phone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser } from '../support/clients/browser.ts';
import { startRun } from '../support/clients/client.ts';
import { SOON, startViewer, type TestViewer } from '../support/clients/viewer.ts';

const NO_RUN = '01900000-0000-7000-8000-000000000000';
let viewer: TestViewer;
beforeAll(async () => {
  viewer = await startViewer();
}, 120_000);
afterAll(() => viewer?.[Symbol.asyncDispose]());

/** What axe-core finds, as text: its own rules and the size of targets (WCAG 2.2 AA). */
const violations = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    interface Found {
      readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
    }
    const { axe: inPage } = window as unknown as { readonly axe: { run(options: object): Promise<Found> } };
    const found = await inPage.run({ rules: { 'target-size': { enabled: true } } });
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
};
const PHONE = { width: 390, height: 844 };
const WIDE = { width: 1280, height: 800 };
const THEMES = ['light', 'dark'] as const;

/** In both themes, and at the size of a phone. */
const expectNothing = async (page: Page, what: string): Promise<void> => {
  for (const [colorScheme, size] of [
    [THEMES[0], WIDE],
    [THEMES[1], PHONE],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    expect(await violations(page), `${what}, ${colorScheme}, ${size.width} px`).toEqual([]);
  }
  await page.setViewportSize(WIDE);
};

test.skipIf(!hasBrowser)('axe finds nothing on any page in any state, on a phone and a wide screen', async () => {
  const { page } = await viewer.open('');
  await page.getByText('There is no run yet.').waitFor(SOON);
  await expectNothing(page, 'the empty list');
  const line = 'echo "::group::Build"; echo in; echo "::endgroup::"; echo "::error::it broke"; echo needle; exit 3';
  const command = ['sh', '-c', line];
  const [first, second] = [
    await startRun(viewer.service.url, { name: 'first', command }),
    await startRun(viewer.service.url, { name: 'second', command }),
  ];
  await page.getByRole('link', { name: 'second' }).waitFor(SOON);
  await expectNothing(page, 'the list');
  await page.keyboard.press('s');
  await page.getByRole('dialog').waitFor(SOON);
  await expectNothing(page, 'the form');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor(SOON);
  await expectNothing(page, 'the keys');
  await page.goto(`${viewer.service.url}/?run=${first}`);
  await page.getByText('whole: digest verified').waitFor(SOON);
  await page.getByLabel('Search in the log').fill('needle');
  await page.keyboard.press('Enter');
  await page.locator('.row.marked').waitFor(SOON);
  await expectNothing(page, 'a run with a search');
  await page.goto(`${viewer.service.url}/?run=${first}&compare=${second}`);
  await page.getByText('needle').first().waitFor(SOON);
  await expectNothing(page, 'the comparison');
  await page.goto(`${viewer.service.url}/?run=${NO_RUN}`);
  await page.getByText('There is no such run.').first().waitFor(SOON);
  await expectNothing(page, 'a run that does not exist');
});

test.skipIf(!hasBrowser)(
  'by keyboard alone: a dialog takes the focus and gives it back; a run is opened, read and left',
  async () => {
    const { page } = await viewer.open('');
    await startRun(viewer.service.url, { name: 'by keyboard', command: ['sh', '-c', 'seq 300'] });
    await page.getByRole('link', { name: 'by keyboard', exact: true }).waitFor(SOON);
    await page.getByRole('button', { name: 'Keyboard', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor(SOON);
    expect(await page.evaluate(() => document.activeElement?.closest('dialog') !== null)).toBe(true);
    await page.keyboard.press('Escape');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    await expect.poll(focused).toBe('Keyboard');
    await page.getByRole('link', { name: 'by keyboard', exact: true }).focus();
    await page.keyboard.press('Enter');
    const row = (text: string) => page.locator('.row .text').getByText(text, { exact: true });
    await row('300').waitFor(SOON);
    // Tab reaches the lines, and Shift+Tab leaves them: there is no trap.
    await page.getByRole('log').focus();
    await page.keyboard.press('g');
    await row('1').waitFor(SOON);
    await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).not.toBe('log');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Runs' }).waitFor(SOON);
  },
);

test.skipIf(!hasBrowser)(
  "numbers and times are in the reader's language; nothing moves for who wants that",
  async () => {
    const runId = await startRun(viewer.service.url, { command: ['sh', '-c', 'seq 12345; sleep 60'] });
    const { page } = await viewer.open(`?run=${runId}`, { locale: 'de-DE', reducedMotion: 'reduce' });
    await page.locator('.row .text').getByText('12345', { exact: true }).waitFor(SOON);
    await page.getByText('12.345').first().waitFor(SOON);
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  },
);
