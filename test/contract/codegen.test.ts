import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('schema/generated is up to date (if not: npm run codegen)', async () => {
  const run = promisify(execFile)('graphql-codegen', ['--config', 'codegen.ts', '--check'], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}` },
  });
  const code = await run.then(
    () => 0,
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error.stdout + error.stderr,
  );
  expect(code).toBe(0);
});
