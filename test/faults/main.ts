/**
 * npm run chaos: every case against the real parts, a table with a line for each, `N passed, N failed`.
 * --only NAME (part of a case's name, or its number; repeatable), --seed N, --lines N, --mixed MINUTES
 */
import { inspect, parseArgs } from 'node:util';
import { CASES } from './cases.ts';
import { stopEngine } from './engine.ts';
import { type FaultCase, NotHere } from './faultCase.ts';
import { mixed } from './mixed.ts';
import { randomFrom } from './random.ts';
import { closeStacks } from './stack.ts';
import { passed, type Verdict } from './verdict.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seed: { type: 'string' },
    lines: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '12' },
    mixed: { type: 'string' },
  },
});

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const quit = async (): Promise<never> => {
  await closeStacks();
  await stopEngine();
  process.exit(1);
};
process.on('SIGINT', () => void quit());
process.on('SIGTERM', () => void quit());
process.on('uncaughtException', (error) => {
  say(error.stack ?? error.message);
  void quit();
});

const pad = (text: string | number, width: number): string => String(text).padStart(width);
const HEAD = `${'case'.padEnd(30)} ${pad('faults', 7)} ${pad('delivered', 10)} ${pad('lost', 6)} ${pad('twice', 6)} ${pad('order', 6)} ${pad('stuck', 6)} ${pad('end', 4)} ${pad('sum', 4)} ${pad('plain lost', 16)} ${pad('s', 5)}  seed`;

const row = (one: FaultCase, verdict: Verdict, seconds: number, caseSeed: number): string => {
  const { faults, delivered, lost, repeated, disordered, stuck, endRight, digestRight, plainLost, plainOf } = verdict;
  const plain = plainLost === null ? '-' : `${plainLost}/${plainOf}`;
  return `${`${one.number} ${one.name}`.padEnd(30)} ${pad(faults, 7)} ${pad(delivered, 10)} ${pad(lost, 6)} ${pad(repeated, 6)} ${pad(disordered, 6)} ${pad(stuck, 6)} ${pad(endRight ? 'ok' : 'NO', 4)} ${pad(digestRight === null ? '-' : digestRight ? 'ok' : 'NO', 4)} ${pad(plain, 16)} ${pad(Math.round(seconds), 5)}  ${caseSeed}${passed(verdict) ? '' : '  FAILED'}`;
};

const chosen =
  (values.only ?? []).length === 0
    ? CASES
    : CASES.filter((one) => values.only?.some((text) => one.name.includes(text) || String(one.number) === text));

let good = 0;
let bad = 0;
let absent = 0;
if (values.mixed !== undefined) {
  const verdict = await mixed(Number(values.mixed), seed, say);
  for (const note of verdict.notes) say(`  ${note}`);
  for (const problem of verdict.problems) say(`  ! ${problem}`);
  say(HEAD);
  say(
    row(
      { number: 0, name: 'mixed', title: 'all of it', run: async () => verdict },
      verdict,
      Number(values.mixed) * 60,
      seed,
    ),
  );
  if (passed(verdict)) good += 1;
  else bad += 1;
} else {
  say(HEAD);
  for (const one of chosen) {
    const caseSeed = (seed + one.number * 1000) % 2 ** 31;
    const begun = performance.now();
    try {
      const bench = {
        random: randomFrom(values.only === undefined ? caseSeed : seed),
        lines: Number(values.lines),
        seconds: Number(values.seconds),
      };
      const verdict = await one.run(bench);
      say(row(one, verdict, (performance.now() - begun) / 1000, bench.random.seed));
      for (const note of verdict.notes) say(`    ${note}`);
      for (const problem of verdict.problems) say(`    ! ${problem}`);
      if (passed(verdict)) good += 1;
      else bad += 1;
    } catch (error) {
      if (error instanceof NotHere) {
        absent += 1;
        say(`${`${one.number} ${one.name}`.padEnd(30)} not here: ${error.message}`);
        continue;
      }
      bad += 1;
      say(`${`${one.number} ${one.name}`.padEnd(30)} FAILED: ${inspect(error)} (seed ${caseSeed})`);
    }
  }
}
await stopEngine();
if (absent > 0) say(`${absent} could not run on this machine`);
say(`${good} passed, ${bad} failed`);
process.exit(bad === 0 ? 0 : 1);
