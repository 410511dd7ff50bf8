/** GraphiQL with a token, in a real browser with the real service. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { post } from '../support/clients/http.ts';
import { startService, type TestService } from '../support/service.ts';

const ADMIN_TOKEN = 'the-first-token-of-this-test-0123456789';
const bearer = { authorization: `Bearer ${ADMIN_TOKEN}` };
let service: TestService;
let browser: TestBrowser | null = null;
let other: string;
beforeAll(async () => {
  service = await startService({ env: { AUTH: 'tokens', ADMIN_TOKEN } });
  const made = await post(
    service.url,
    'mutation { createApiToken(input: { name: "other", scopes: [ADMIN] }) { token } }',
    {},
    bearer,
  );
  other = made.data.createApiToken.token;
  if (hasBrowser) browser = await startBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await service?.stop();
});

const open = async (fragment = ''): Promise<OpenPage> => {
  const opened = (await browser?.open()) ?? expect.fail('no browser');
  onTestFinished(() => opened.context.close());
  await opened.page.goto(`${service.url}/graphql${fragment}`);
  await opened.page.getByRole('button', { name: 'Execute query' }).waitFor({ timeout: 30_000 });
  return opened;
};
const form = (page: Page) => page.getByRole('form', { name: 'Token' });
const enter = async (page: Page, token: string): Promise<void> => {
  await page.getByRole('textbox', { name: 'Token' }).fill(token);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
};
const tab = async (page: Page, name: string): Promise<void> => {
  await page.locator('.graphiql-tab-button', { hasText: name }).click();
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
};
/** Presses until the answer has the text: GraphiQL 5 sometimes ignores the first click on a tab that was just opened. */
const executeAndSee = async (page: Page, text: string | RegExp, timeout = 40_000): Promise<void> => {
  const stop = page.getByRole('button', { name: 'Stop query' });
  const press = async (): Promise<void> => {
    if (!(await stop.isVisible())) await page.getByRole('button', { name: 'Execute query' }).click();
    await page.locator('.graphiql-response', { hasText: text }).waitFor({ timeout: 5000 });
  };
  await vi.waitFor(press, { timeout });
};
/**
 * A page that follows the tab Watch. Once in some 25 runs GraphiQL showed nothing of a subscription that was started right
 * after the page had been opened; the cause is not known. Then the page is opened again, as a user would.
 */
const watching = async (fragment: string): Promise<OpenPage> => {
  for (let tries = 1; ; tries += 1) {
    const opened = await open(fragment);
    expect(await stored(opened.page)).not.toContain(ADMIN_TOKEN);
    await tab(opened.page, 'Watch');
    try {
      await executeAndSee(opened.page, 'SYNCED', 15_000);
      return opened;
    } catch (error) {
      if (tries === 3) throw error;
      await opened.context.close();
    }
  }
};
const stop = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Stop query' }).click();
  await page.getByRole('button', { name: 'Execute query' }).waitFor();
};
const inits = ({ sent }: OpenPage) =>
  sent.filter(({ type }) => type === 'connection_init').map(({ payload }) => payload);
const stored = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, location.href, document.referrer]));

test.skipIf(!hasBrowser)(
  'P3: it asks for a token, uses it for a mutation and a subscription, and keeps it in this tab only',
  async () => {
    const opened = await open();
    const { page } = opened;
    await form(page).getByText('The service needs a token.').waitFor();
    await enter(page, 'not-a-token-of-this-service');
    await form(page).getByText('The service does not accept this token.').waitFor({ timeout: 30_000 });
    await enter(page, ADMIN_TOKEN);
    await page.getByRole('button', { name: 'Token', exact: true }).waitFor({ timeout: 30_000 });
    await executeAndSee(page, 'PENDING');
    await tab(page, 'Follow');
    await executeAndSee(page, /line\s\d+/);
    await stop(page);
    expect(await form(page).isVisible()).toBe(false);
    expect(inits(opened)).toEqual([{ authorization: `Bearer ${ADMIN_TOKEN}` }]);
    expect(await stored(page)).not.toContain(ADMIN_TOKEN);
    // Another tab of the same browser has to ask again.
    const second = await opened.context.newPage();
    await second.goto(`${service.url}/graphql`);
    await form(second).getByText('The service needs a token.').waitFor({ timeout: 30_000 });
  },
  120_000,
);

test.skipIf(!hasBrowser)(
  'P3a: a token in the address is removed at once; the headers editor overrides it, on the WebSocket too',
  async () => {
    const opened = await watching(`#token=${ADMIN_TOKEN}`);
    const { page } = opened;
    await stop(page);
    await page.getByRole('button', { name: 'Headers' }).click();
    await page.locator('.monaco-editor[data-uri*="headers"]').click();
    await page.keyboard.insertText(JSON.stringify({ Authorization: `Bearer ${other}` }));
    // GraphiQL reports what is typed after a short pause.
    const used = () => page.evaluate('runloomOptions.connectionParams().authorization');
    await expect.poll(used, { timeout: 20_000 }).toBe(`Bearer ${other}`);
    await executeAndSee(page, 'SYNCED');
    await stop(page);
    expect(inits(opened)).toEqual([bearer, { authorization: `Bearer ${other}` }]);
    for (const token of [ADMIN_TOKEN, other]) expect(await stored(page)).not.toContain(token);
  },
  120_000,
);
