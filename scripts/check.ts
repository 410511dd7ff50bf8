/** `npm run check`: runs the quick checks, one per CPU core at a time. Reports every failure. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** Longest first. */
const CHECKS: readonly Check[] = [
  { name: 'unit tests', command: ['vitest', 'run', 'test/unit'] },
  { name: 'typed documents are fresh', command: ['graphql-codegen', '--config', 'codegen.ts', '--check'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'types of the examples', command: ['tsc', '--noEmit', '--project', 'examples'] },
  { name: 'types of the viewer', command: ['tsc', '--noEmit', '--project', 'web'] },
  { name: 'lint, format', command: ['biome', 'ci', '.'] },
  { name: 'rooms', command: ['node', 'scripts/rooms/main.ts'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'schema is fresh', command: ['node', 'scripts/schemaPrint.ts', '--check'] },
  { name: 'one graphql, one ioredis', command: ['node', 'scripts/singleCopies.ts'] },
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

const waiting = [...CHECKS];
/** Runs checks until none is left. Resolves to true if all of them passed. */
const work = async (): Promise<boolean> => {
  let passed = true;
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    if (!(await run(check))) passed = false;
  }
  return passed;
};
const started = performance.now();
const results = await Promise.all(Array.from({ length: availableParallelism() }, work));
process.stdout.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
process.exitCode = results.every(Boolean) ? 0 : 1;
