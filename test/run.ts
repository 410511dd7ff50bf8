/** `npm test`: runs vitest with live output, and ends with one line "N passed, N failed, N skipped". */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const require = createRequire(import.meta.url);
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const directory = await mkdtemp(join(tmpdir(), 'rl-report-'));
const file = join(directory, 'report.json');

const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const code = await new Promise<number>((resolve) => child.once('exit', (exitCode) => resolve(exitCode ?? 1)));

const report = await readFile(file, 'utf8').then(
  (text) => JSON.parse(text) as Report,
  () => null,
);
await rm(directory, { recursive: true, force: true });

if (report === null) {
  process.stdout.write('0 passed, 1 failed, 0 skipped (vitest wrote no report)\n');
  process.exitCode = 1;
} else {
  // A file that could not be loaded counts as one failed test.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const skipped = report.numPendingTests + report.numTodoTests;
  // In CI a skipped test counts as failed, since CI has everything that tests need.
  const inCi = process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';
  const unaccounted = code !== 0 && report.numFailedTests + broken === 0 ? 1 : 0;
  const failed = report.numFailedTests + broken + unaccounted + (inCi ? skipped : 0);
  process.stdout.write(`${report.numPassedTests} passed, ${failed} failed, ${inCi ? 0 : skipped} skipped\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}
