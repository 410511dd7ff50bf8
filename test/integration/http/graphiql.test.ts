import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, type TestApi } from '../../support/clients/http.ts';

const run = promisify(execFile);
const browser = await run('chromium', ['--version']).then(
  () => 'chromium',
  () => null,
);

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const get = (headers: Record<string, string> = {}) =>
  fetch(`${api.url}/graphql`, { headers: { accept: 'text/html', ...headers } });

test('a browser gets GraphiQL compressed, with an ETag, and 304 for the same ETag', async () => {
  const page = await get({ 'accept-encoding': 'br' });
  expect(page.headers.get('content-encoding')).toBe('br');
  expect(Number(page.headers.get('content-length'))).toBeLessThan(3_000_000);
  const html = await page.text();
  expect(html).toContain('renderYogaGraphiQL');
  expect(html).toContain('runLogBatches');
  const again = await get({ 'if-none-match': page.headers.get('etag') ?? '' });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect((await get({ 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBe('gzip');
  const plain = await get({ 'accept-encoding': 'identity' });
  expect(plain.headers.get('content-encoding')).toBeNull();
  expect(await plain.text()).toBe(html);
  expect(plain.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(plain.headers.get('x-frame-options')).toBe('DENY');
});

test.skipIf(browser === null)(
  'GraphiQL works in a browser without internet, reads the schema, and obeys its own content security policy',
  async () => {
    const profile = await mkdtemp(join(tmpdir(), 'rl-chromium-'));
    try {
      const { stdout, stderr } = await run(
        'chromium',
        [
          '--headless=new',
          '--no-sandbox',
          '--disable-gpu',
          '--enable-logging=stderr',
          `--user-data-dir=${profile}`,
          '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
          '--virtual-time-budget=20000',
          '--dump-dom',
          `${api.url}/graphql`,
        ],
        { maxBuffer: 64 * 1024 * 1024, timeout: 55_000 },
      );
      expect(stdout).toContain('graphiql-container');
      expect(stderr).not.toContain('Content Security Policy');
      expect(stderr).not.toContain('ERR_NAME_NOT_RESOLVED');
    } finally {
      await rm(profile, { recursive: true, force: true });
    }
  },
);
