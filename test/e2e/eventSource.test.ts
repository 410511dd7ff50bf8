/** The EventSource of a browser with the real service; the page uses only addEventListener. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { hasBrowser, startBrowser } from '../support/clients/browser.ts';
import { freePort } from '../support/network/ports.ts';
import { ask, dataDirectory, spawnService } from '../support/startedService.ts';

interface Seen {
  readonly seqs: number[];
  readonly completes: number;
  readonly opens: number;
  /** EventSource.readyState; 2 means closed. */
  readonly state: number;
}

test.skipIf(!hasBrowser)(
  'S8a, S8b: EventSource gets each event once although the service is killed and restarted, and does not reconnect after the end',
  async () => {
    await using data = await dataDirectory();
    const env = { DATA_DIR: data.path, PORT: String(await freePort()) };
    const first = spawnService({ env });
    const address = await first.address();
    const command = ['sh', '-c', 'for i in $(seq 60); do echo line $i; sleep 0.2; done'];
    const started = await ask(
      address,
      'mutation ($c: [String!]!) { startRun(input: { command: $c }) { run { id } } }',
      {
        c: command,
      },
    );
    const runId = (started.startRun as { run: { id: string } }).run.id;

    await using browser = await startBrowser();
    const { page, context } = await browser.open();
    const statuses: number[] = [];
    context.on('response', (response) => {
      if (response.url().includes('/graphql')) statuses.push(response.status());
    });
    await page.goto(`${address}/health/live`);
    const query = `subscription { runLogs(runId: "${runId}") { __typename seq } }`;
    await page.evaluate(
      (url) => {
        const seen = { seqs: [] as number[], completes: 0, opens: 0, state: 0 };
        const source = new EventSource(url);
        source.addEventListener('open', () => {
          seen.opens += 1;
        });
        source.addEventListener('next', ({ data: text }) => seen.seqs.push(JSON.parse(text).data.runLogs.seq));
        source.addEventListener('complete', () => {
          seen.completes += 1;
        });
        Object.assign(window, { look: () => ({ ...seen, state: source.readyState }) });
      },
      `/graphql?query=${encodeURIComponent(query)}`,
    );
    const look = (): Promise<Seen> => page.evaluate(() => (window as unknown as { look: () => Seen }).look());

    await expect.poll(async () => (await look()).seqs.length, { timeout: 30_000 }).toBeGreaterThan(10);
    first.child.kill('SIGKILL');
    await first.ended;
    await using second = spawnService({ env });
    await second.address();
    await expect.poll(async () => (await look()).state, { timeout: 60_000 }).toBe(2);
    const { seqs, completes, opens } = await look();
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1));
    expect(seqs.length).toBeGreaterThan(64);
    expect([completes, opens]).toEqual([1, 2]);
    expect(statuses.at(-1)).toBe(204);
    const asked = statuses.length;
    // Longer than the reconnect delay of a browser: it must not reconnect.
    await delay(5000);
    expect(statuses).toHaveLength(asked);
    second.child.kill('SIGTERM');
    await second.ended;
  },
  120_000,
);
