/** The log page of the viewer: huge logs, folds, filters, what a line unfolds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser } from '../support/clients/browser.ts';
import { row, rowTexts, SOON, startViewer, type TestViewer } from '../support/clients/viewer.ts';

let viewer: TestViewer;
beforeAll(async () => {
  viewer = await startViewer({ env: { MAX_LOG_BYTES: '5000000' } });
}, 120_000);
afterAll(() => viewer?.[Symbol.asyncDispose]());

test.skipIf(!hasBrowser)(
  'a log of 300,000 lines opens at its end, at its first error and at links to lines, events and instants, and holds a bounded part',
  async () => {
    const runId = await viewer.finished('seq 200000; echo "::error::the only error"; seq 200002 300000');
    const { page, faults } = await viewer.open(`?run=${runId}`);
    const at = async (place: string): Promise<void> => {
      await page.goto('about:blank');
      await page.goto(`${viewer.service.url}/?run=${runId}${place}`);
    };
    const bar = page.getByRole('scrollbar');
    const place = async (): Promise<number> => Number(await bar.getAttribute('aria-valuenow'));
    await row(page, '300000').waitFor();
    await page.locator('.scrollbar i.error').waitFor();
    // Anywhere by the scroll bar.
    const box = (await bar.boundingBox()) ?? expect.fail('no scroll bar');
    for (const part of [0.5, 0.1, 0.8]) {
      await page.mouse.click(box.x + box.width / 2, box.y + box.height * part);
      await expect.poll(async () => Math.abs((await place()) / 300_000 - part), SOON).toBeLessThan(0.03);
      const near = (text: string) => Math.abs(Number(text) / 300_000 - part) < 0.03;
      await expect.poll(async () => (await rowTexts(page)).some(near), SOON).toBe(true);
    }
    await page.keyboard.press('g');
    await row(page, 'PENDING').waitFor();
    // Scrolling down loads page after page, without a gap or a repeat.
    const log = page.getByRole('log');
    for (let step = 0; step < 10; step += 1) {
      await log.evaluate((element) => element.scrollBy(0, 4000));
      await expect.poll(() => log.getAttribute('aria-busy'), SOON).toBe('false');
    }
    const numbers = (await rowTexts(page)).map(Number).filter((number) => !Number.isNaN(number));
    expect(numbers.length).toBeGreaterThan(500);
    for (const [index, number] of numbers.entries()) if (index > 0) expect(number).toBe((numbers[index - 1] ?? 0) + 1);
    expect(await page.locator('.row').count()).toBeLessThan(1600);
    await page.keyboard.press('e');
    await page.locator('.row.marked', { hasText: 'the only error' }).waitFor();
    await at('&seq=150000');
    await page.locator('.row.marked[data-seq="150000"]').waitFor();
    const instant = await page.evaluate(() => {
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 't' }));
      return new Promise<string>((resolve) => {
        const look = (): void => {
          const time = document.querySelector<HTMLTimeElement>('.row.marked time');
          if (time === null) requestAnimationFrame(look);
          else resolve(time.dateTime);
        };
        look();
      });
    });
    await at(`&t=${encodeURIComponent(instant)}`);
    await page.locator(`.row.marked time[datetime="${instant}"]`).waitFor();
    // By the number of the line in log.txt, which the page shows.
    await at('#L120000-L120002');
    await row(page, '120000').waitFor();
    await expect
      .poll(() => page.locator('.row.marked .text').allTextContents(), SOON)
      .toEqual(['120000', '120001', '120002']);
    expect(await page.locator('.row.marked .number').first().getAttribute('data-number')).toBe('120000');
    await at('&first=error');
    await page.locator('.row.marked', { hasText: 'the only error' }).waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'groups that succeeded are folded and not loaded; each shows its duration, lines and worst level; they unfold in place',
  async () => {
    const runId = await viewer.finished(
      [
        'echo before; echo "::group::Large"; seq 100000; echo "::endgroup::"',
        'echo "::group::Careful"; echo "::warning::hm"; echo "::endgroup::"',
        'echo "::group::Broken"; echo "::error::it broke"; echo "::endgroup::"',
        'echo after; echo "::group::Last"; echo "::group::Inner"; echo the last words; exit 3',
      ].join('; '),
    );
    const { page, requests, faults } = await viewer.open(`?run=${runId}`);
    const group = (name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) });
    const large = page.locator('.row', { has: group('Large') });
    await row(page, 'the last words').waitFor();
    // What failed is open; what succeeded is one row, and the whole log is in view.
    await row(page, 'before').waitFor();
    await row(page, 'after').waitFor();
    await page.locator('.row', { hasText: 'it broke' }).waitFor();
    expect(await large.textContent()).toMatch(/^Large [\d.]+ s · 100,000 lines$/);
    expect(await group('Careful').textContent()).toContain('1 warning');
    expect(await group('Broken').textContent()).toContain('1 error');
    expect(await row(page, '100000').count()).toBe(0);
    expect(requests.filter((url) => url.endsWith('/graphql')).length).toBeLessThan(12);
    // It unfolds where it is, and its lines are loaded around there.
    const top = (await large.boundingBox())?.y ?? expect.fail('not in view');
    await group('Large').click();
    await row(page, '2').waitFor();
    expect(Math.abs(((await large.boundingBox())?.y ?? 0) - top)).toBeLessThan(3);
    expect(await row(page, 'after').count()).toBe(0);
    await page.getByRole('button', { name: 'Fold all groups', exact: true }).click();
    await row(page, 'after').waitFor();
    expect(await page.locator('.row', { hasText: 'it broke' }).count()).toBe(0);
    await page.locator('h1').click();
    await page.keyboard.press(']');
    await row(page, '3').waitFor();
    // The groups around the first line in view are named above it.
    await page.getByRole('log').evaluate((element) => element.scrollBy(0, 3000));
    await page
      .getByRole('navigation', { name: /^Groups around/ })
      .getByRole('button', { name: 'Large' })
      .waitFor();
    // A link into a folded group unfolds it.
    await page.goto('about:blank');
    await page.goto(`${viewer.service.url}/?run=${runId}#L50000`);
    await page.locator('.row.marked', { hasText: '49999' }).waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'a search finds every hit of the log, through colours and in folded groups: count, next, previous, marks, patterns, case',
  async () => {
    const runId = await viewer.finished(
      [
        'echo "Needle 0"; echo "::group::Ok"; seq 20000; printf "nee\\033[31mdle 1\\033[0m\\n"; seq 20000; echo "::endgroup::"',
        'seq 60000; echo "needle 2"; echo "::error::needle 3"; seq 3000',
      ].join('; '),
    );
    const { page, faults } = await viewer.open(`?run=${runId}`);
    const field = page.getByLabel('Search in the log');
    const said = (text: string) => expect.poll(() => page.locator('search output').textContent(), SOON).toBe(text);
    const marked = page.locator('.row.marked .text');
    await row(page, '3000').waitFor();
    await page.keyboard.press('/');
    await field.fill('needle');
    await said('4 hits');
    expect(await page.locator('.scrollbar i.hit').count()).toBe(4);
    await field.press('Shift+Enter');
    await said('4 of 4 hits');
    await expect.poll(() => marked.textContent(), SOON).toContain('needle 3');
    expect(await page.locator('.row.marked mark').allTextContents()).toEqual(['needle']);
    // By key, once the field is left. The group around the hit unfolds; the colour in the word is kept.
    await page.keyboard.press('Escape');
    await page.keyboard.press('N');
    await said('3 of 4 hits');
    await page.keyboard.press('N');
    await said('2 of 4 hits');
    await expect.poll(() => marked.textContent(), SOON).toBe('needle 1');
    expect(await page.locator('.row.marked mark').allTextContents()).toEqual(['nee', 'dle']);
    await page.keyboard.press('n');
    await said('3 of 4 hits');
    await page.getByRole('button', { name: 'Distinguish upper and lower case' }).click();
    await said('3 hits');
    await page.getByRole('button', { name: 'Regular expression (RE2)' }).click();
    await field.fill('^N[e]+dle \\d$');
    await said('1 hit');
    await field.press('Shift+Enter');
    await expect.poll(() => page.locator('.row.marked mark').allTextContents(), SOON).toEqual(['Needle 0']);
    await field.fill('(');
    await page.getByRole('alert').waitFor();
    await field.fill('nothing like this');
    await said('No hit');
    // Errors are found the same way.
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await expect.poll(() => marked.textContent(), SOON).toContain('needle 3');
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'filters by several levels, stream, type and text keep the place where the reader is, and show everything again',
  async () => {
    const runId = await viewer.finished(
      'for i in $(seq 1 300); do echo "out $i"; echo "::warning::warn $i"; echo "::debug::bug $i"; done; sleep 0.3; echo "to stderr" >&2; sleep 0.3; echo "::group::G"; echo end; echo "::endgroup::"',
    );
    const { page, faults } = await viewer.open(`?run=${runId}#L450`);
    await page.locator('.row.marked').waitFor();
    const check = (menu: string, name: string | RegExp) =>
      page.locator('.menu', { hasText: menu }).getByRole('checkbox', { name }).click();
    await page.locator('summary', { hasText: 'Level' }).click();
    await check('Level', /^debug/);
    await check('Level', /^warning/);
    await expect.poll(() => row(page, 'out 150').count(), SOON).toBe(0);
    await page.locator('.row', { hasText: 'warn 150' }).first().waitFor();
    await page.locator('.row', { hasText: 'bug 150' }).first().waitFor();
    await expect(page.locator('.row', { hasText: 'warn 150' }).first().isVisible()).resolves.toBe(true);
    await page.getByRole('button', { name: 'Show all' }).click();
    await row(page, 'out 150').waitFor();
    await page.locator('summary', { hasText: 'Stream' }).click();
    await check('Stream', 'stderr');
    await row(page, 'to stderr').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('summary', { hasText: 'Type' }).click();
    await check('Type', 'Groups');
    await expect.poll(() => rowTexts(page), SOON).toEqual([expect.stringMatching(/^G /)]);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('summary', { hasText: 'Text' }).click();
    await page.getByLabel('Hide lines with').fill('out 1');
    await page.getByLabel('Hide lines with').press('Enter');
    await expect.poll(() => row(page, 'out 150').count(), SOON).toBe(0);
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'stack traces, records and JSON unfold; a rewritten line shows its last state; cut lines and holes are shown where they are',
  async () => {
    const runId = await viewer.finished(
      [
        'echo first; seq 1000000; echo "after the hole"',
        `echo '{"level":"error","msg":"it broke","user":{"id":7}}'`,
        'echo Error; echo "    at a (x.js:1:1)"; echo "    at b (x.js:2:1)"; echo "    at c (x.js:3:1)"',
        'echo \'data {"a":[1,{"deep":2}]}\'; printf "10%%\\r50%%\\r100%%\\n"',
        'head -c 70000 /dev/zero | tr "\\0" x; echo',
      ].join('; '),
    );
    const { page, faults } = await viewer.open(`?run=${runId}`);
    await page.locator('.row', { hasText: '(cut at the line limit)' }).waitFor();
    await row(page, '100%').waitFor();
    expect(await page.locator('.row', { hasText: '10%50%' }).count()).toBe(0);
    await page.getByRole('button', { name: '3 lines of the stack trace' }).click();
    await page.locator('.row', { hasText: /^\s*at b/ }).waitFor();
    await page.locator('.row', { hasText: 'it broke' }).getByRole('button', { name: 'Details' }).click();
    await page.locator('.details').getByText('user').waitFor();
    await page.locator('.row', { hasText: 'data {' }).getByRole('button', { name: 'Details' }).click();
    await page.locator('.details').getByText('a:').waitFor();
    // Numbers, times, levels and buttons are not copied with the text.
    const copied = await page.getByRole('log').evaluate((log) => {
      getSelection()?.selectAllChildren(log);
      return getSelection()?.toString() ?? '';
    });
    const text = copied.slice(copied.indexOf('after the hole'), copied.indexOf('data {'));
    expect(text).toMatch(/^after the hole\nit broke\n/);
    expect(text).toMatch(/Error\n+ {4}at a \(x.js:1:1\)\n {4}at b/);
    // The hole is in the scroll bar, and says what is missing.
    await page.locator('.scrollbar i.hole').waitFor();
    await page.keyboard.press('g');
    await row(page, 'first').waitFor();
    const bar = (await page.getByRole('scrollbar').boundingBox()) ?? expect.fail('no scroll bar');
    await page.mouse.click(bar.x + 5, bar.y + bar.height / 2);
    await page.locator('.row.hole', { hasText: /[\d,]+ lines \(.*\) are missing here/ }).waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'times change by key: local, UTC, since the start, since the line before; long lines wrap or do not',
  async () => {
    const runId = await viewer.finished('echo one; sleep 0.2; echo two');
    const { page, faults } = await viewer.open(`?run=${runId}`);
    const time = page.locator('.row', { hasText: 'two' }).locator('time');
    await row(page, 'two').waitFor();
    expect(await time.count()).toBe(0);
    const expected = [/\d\d:\d\d:\d\d.\d{3}/, /^\d\d:\d\d:\d\d\.\d{3}$/, /^\+\d+\.\d{3}$/, /^\+0\.\d{3}$/];
    for (const text of expected) {
      await page.keyboard.press('t');
      await expect.poll(() => time.getAttribute('data-time'), SOON).toMatch(text);
    }
    await page.keyboard.press('t');
    await expect.poll(() => time.count(), SOON).toBe(0);
    await page.keyboard.press('w');
    await page.locator('.log.wrap').waitFor();
    expect(faults).toEqual([]);
  },
);

test.skipIf(!hasBrowser)(
  'two runs side by side: lines are aligned, times, ids, numbers and masked secrets are ignored',
  async () => {
    const script = (rest: string) =>
      `echo "::add-mask::$RUN_ID"; echo "run $RUN_ID took $RANDOM ms"; date +%H:%M:%S.%N; seq -f "same %g" 30; ${rest}`;
    const left = await viewer.finished(script('echo only left; echo end'));
    const right = await viewer.finished(script('echo only right; echo more; echo end'));
    const { page, faults } = await viewer.open(`?run=${left}&compare=${right}`);
    await page.getByText('3 of 36 rows differ').waitFor();
    const sides = (text: string) => page.locator('tr', { hasText: text }).locator('td').allTextContents();
    expect(await sides('same 7')).toEqual(['same 7', 'same 7']);
    expect(await sides('only left')).toEqual(['only left', '']);
    expect(await sides('more')).toEqual(['', 'more']);
    expect(await sides('took')).toHaveLength(2);
    await page.getByLabel('Only what differs').check();
    await expect.poll(() => page.locator('tbody tr').count(), SOON).toBe(3);
    expect(faults).toEqual([]);
  },
);
