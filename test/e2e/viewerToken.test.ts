/** The viewer with a service that asks who its callers are. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, startBrowser, type TestBrowser } from '../support/clients/browser.ts';
import { JWT_SETTINGS, now, providerToken } from '../support/identity.ts';
import { startService, type TestService } from '../support/service.ts';

const SOON = { timeout: 20_000 };
let service: TestService;
let browser: TestBrowser | null = null;
beforeAll(async () => {
  service = await startService({ env: { AUTH: 'jwt', ...JWT_SETTINGS } });
  if (hasBrowser) browser = await startBrowser();
  await fetch(service.url);
}, 120_000);
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await service?.stop();
});

const startRun = async (line: string): Promise<string> => {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await providerToken()}` },
    body: JSON.stringify({
      query: 'mutation($c: [String!]!) { startRun(input: { command: $c }) { run { id } } }',
      variables: { c: ['sh', '-c', line] },
    }),
  });
  const { data } = (await response.json()) as { data: { startRun: { run: { id: string } } } };
  return data.startRun.run.id;
};

test.skipIf(!hasBrowser)(
  'the page asks for a token, says when it is wrong, and keeps it for this tab alone, GraphiQL included',
  async () => {
    const { page, context } = (await browser?.open()) ?? expect.fail('no browser');
    onTestFinished(() => context.close());
    await page.goto(service.url);
    const dialog = page.getByRole('dialog', { name: 'Token needed' });
    await dialog.getByLabel('Token').fill('wrong');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.getByText('did not accept this token').waitFor();
    await dialog.getByLabel('Token').fill(await providerToken());
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('There is no run yet.').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await page.reload();
    await page.getByText('There is no run yet.').waitFor();
    // GraphiQL of the same tab has it too.
    expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual(['runloom:token']);
    const answer = page.waitForResponse((one) => one.request().method() === 'POST');
    await page.goto(`${service.url}/graphql`);
    expect((await answer).status()).toBe(200);
  },
);

test.skipIf(!hasBrowser)(
  'a token in the fragment leaves the address at once; after its expiry a new one continues the log',
  async () => {
    const { page, context } = (await browser?.open()) ?? expect.fail('no browser');
    onTestFinished(() => context.close());
    const runId = await startRun('for i in $(seq 100); do echo "line $i"; sleep 0.1; done');
    await page.goto(`${service.url}/?run=${runId}#token=${await providerToken({ exp: Math.ceil(now()) + 5 })}`);
    await page.locator('.row').first().waitFor();
    expect(page.url()).toBe(`${service.url}/?run=${runId}`);
    const dialog = page.getByRole('dialog', { name: 'Token needed' });
    await dialog.getByText('Your token has expired').waitFor(SOON);
    await dialog.getByLabel('Token').fill(await providerToken());
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await page.locator('.row .text').getByText('line 100', { exact: true }).waitFor({ timeout: 40_000 });
    const lines = (await page.locator('.row .text').allTextContents()).filter((text) => text.startsWith('line '));
    expect(lines).toEqual(Array.from({ length: 100 }, (_, i) => `line ${i + 1}`));
    await page.getByText('whole: digest verified').waitFor();
  },
);
