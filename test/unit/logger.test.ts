import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createLogger } from '../../src/logger.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const logged = () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('trace', { write: (line) => void lines.push(JSON.parse(line)) });
  return { logger, lines };
};

test('an error is logged as err, with its message and its cause', () => {
  const { logger, lines } = logged();
  const cause = Object.assign(new Error('WRONGTYPE wrong kind of value'), { name: 'ReplyError' });
  logger.error({ err: new Error('not done', { cause }) }, 'an operation failed');
  expect(lines).toMatchObject([
    { msg: 'an operation failed', err: { message: 'not done', cause: { type: 'ReplyError', message: cause.message } } },
  ]);
});

test('a repeated warning is logged from time to time, with the number left out; every error is logged', () => {
  const { logger, lines } = logged();
  const child = logger.child({ part: 'x' });
  for (let i = 0; i < 50; i += 1) child.warn({ err: new Error('away'), runId: String(i) }, 'no answer yet');
  child.warn({ err: new Error('OOM'), runId: '1' }, 'no answer yet');
  expect(lines.map(({ err }) => (err as Error).message)).toEqual(['away', 'OOM']);
  for (let i = 0; i < 3; i += 1) child.warn({ runId: String(i % 2) }, 'the executor did not end its command in time');
  expect(lines.slice(2).map(({ runId }) => runId)).toEqual(['0', '1']);
  for (let i = 0; i < 3; i += 1) child.error({ err: new Error('away') }, 'failed');
  expect(lines.filter(({ msg }) => msg === 'failed')).toHaveLength(3);
});

test('no call of a logger passes an error under a name that pino prints as {}', async () => {
  const calls = /\b(?:log|logger)\??\.(?:trace|debug|info|warn|error|fatal)\(\s*\{(?<fields>[^}]*)\}/g;
  const wrong: string[] = [];
  let seen = 0;
  for (const folder of ['src', 'executor']) {
    for (const file of await readdir(join(ROOT, folder), { recursive: true })) {
      if (!file.endsWith('.ts')) continue;
      const text = await readFile(join(ROOT, folder, file), 'utf8');
      for (const { groups } of text.matchAll(calls)) {
        seen += 1;
        const names = (groups?.fields ?? '').split(',').map((field) => field.split(':')[0]?.trim());
        if (names.some((name) => /^(error|e|ex|exception|cause|reason_?error|thrown)$/.test(name ?? ''))) {
          wrong.push(`${file}: {${groups?.fields}}`);
        }
      }
    }
  }
  expect(seen).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});

test('no line shows a token, wherever it stands', () => {
  const { logger, lines } = logged();
  const api = `rl_${'aB3'.repeat(16)}x`;
  const jwt = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${'e30'.repeat(9)}.${'x-_'.repeat(9)}`;
  const other = 'another-kind-of-token';
  for (const token of [api, jwt, other]) {
    logger.info({ authorization: `Bearer ${token}`, request: { headers: { authorization: token } } }, 'a request');
    logger.warn({ connectionParams: { authorization: token } }, `refused: Bearer ${token}`);
    logger.error({ err: new Error(`cannot read "bearer ${token}"`) }, 'failed');
    if (token !== other) logger.debug({ name: `x ${token},y` }, `${token}`);
  }
  const text = JSON.stringify(lines);
  for (const token of [api, jwt, other]) expect(text).not.toContain(token);
  expect(lines).toHaveLength(11);
  expect(text).toContain('cannot read');
});
