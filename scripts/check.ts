/** `npm run check`: everything that is quick to know about the code, in one go, all failures told at once. */
import { spawn } from 'node:child_process';

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'types of the examples', command: ['tsc', '--noEmit', '--project', 'examples'] },
  { name: 'lint, format', command: ['biome', 'ci', '.'] },
  { name: 'rooms', command: ['node', 'scripts/rooms/main.ts'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'schema is fresh', command: ['node', 'scripts/schemaPrint.ts', '--check'] },
  { name: 'typed documents are fresh', command: ['graphql-codegen', '--config', 'codegen.ts', '--check'] },
  { name: 'one graphql, one ioredis', command: ['node', 'scripts/singleCopies.ts'] },
  { name: 'unit tests', command: ['vitest', 'run', 'test/unit'] },
];

const run = ({ name, command: [program, ...args] }: Check): Promise<boolean> =>
  new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', (error) => output.push(Buffer.from(error.message)));
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
      if (code !== 0) process.stdout.write(`${Buffer.concat(output)}\n`);
      resolve(code === 0);
    });
  });

const results: boolean[] = [];
for (const check of CHECKS) results.push(await run(check));
process.exitCode = results.every(Boolean) ? 0 : 1;
