/** npm run chaos: runs every case with real parts; prints a table with one line per case, and `N passed, N failed`. */
import { inspect, parseArgs } from 'node:util';
import { CASES } from './cases.ts';
import { type Bench, type FaultCase, NotHere, QUICK, WHOLE } from './faultCase.ts';
import { passed, type Verdict } from './follow/verdict.ts';
import { mixed } from './mixed.ts';
import { randomFrom } from './random.ts';
import { stopEngine } from './stack/engine.ts';
import { closeStacks } from './stack/stack.ts';
import { HEAD, LEGEND, type Outcome, row } from './table.ts';

const HELP = `npm run chaos -- [options]
  --list           list the cases and run none
  --only NAME      run only cases with NAME in their name, or with this number; may be repeated
  --seed N         repeat a random sequence (each row of the table shows its seed; use it together with --only)
  --quick          short form: ${QUICK.lines} lines, ${QUICK.each} tries of each way to die, short waits
  --lines N        lines of a command (${WHOLE.lines}); --seconds N: how long it takes to print them (${WHOLE.seconds})
  --each N         how often each way to die is tried (${WHOLE.each})
  --way NAME       only ways to die with NAME in their name
  --mixed MINUTES  instead of the cases: all kinds of faults at random and at once, one every few seconds or faster
  --help           show this text
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    lines: { type: 'string' },
    seconds: { type: 'string' },
    each: { type: 'string' },
    way: { type: 'string', default: '' },
    mixed: { type: 'string' },
  },
});

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const number = (name: string, text: string | undefined, otherwise: number): number => {
  const value = Number(text ?? otherwise);
  if (!(value >= 0)) fail(`--${name}: "${text}" is not a number.`);
  return value;
};
const fail = (text: string): never => {
  process.stderr.write(`${text}\n\n${HELP}`);
  process.exit(2);
};

const chosen = (): readonly FaultCase[] => {
  if (values.only.length === 0) return CASES;
  const matches = (one: FaultCase, text: string): boolean => one.name.includes(text) || String(one.number) === text;
  for (const text of values.only)
    if (!CASES.some((one) => matches(one, text))) fail(`No case matches "${text}". Use --list to see all cases.`);
  return CASES.filter((one) => values.only.some((text) => matches(one, text)));
};

const quit = async (): Promise<never> => {
  await closeStacks();
  await stopEngine();
  process.exit(1);
};

/** Shortest time between two progress messages of a case. */
const PROGRESS_MS = 20_000;

const runOne = async (one: FaultCase, bench: Bench): Promise<Outcome> => {
  const begun = performance.now();
  const about = { number: one.number, name: one.name, seed: bench.random.seed };
  const seconds = (): number => (performance.now() - begun) / 1000;
  try {
    const verdict = await one.run(bench);
    return { ...about, verdict, state: passed(verdict) ? 'passed' : 'FAILED', seconds: seconds() };
  } catch (error) {
    if (error instanceof NotHere)
      return { ...about, verdict: null, state: `cannot run here: ${error.message}`, seconds: 0 };
    say(`    ! ${inspect(error)}`);
    return { ...about, verdict: null, state: 'FAILED', seconds: seconds() };
  }
};

const show = ({ notes, problems }: Pick<Verdict, 'notes' | 'problems'>): void => {
  for (const note of notes) say(`    ${note}`);
  for (const problem of problems) say(`    ! ${problem}`);
};

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (values.list) {
  for (const { number: of, name, title } of CASES) say(`${String(of).padStart(2)} ${name.padEnd(24)} ${title}`);
  process.exit(0);
}
process.on('SIGINT', () => void quit());
process.on('SIGTERM', () => void quit());
process.on('uncaughtException', (error) => {
  say(error.stack ?? error.message);
  void quit();
});

const seed = number('seed', values.seed, Math.floor(Math.random() * 2 ** 31));
const size = values.quick ? QUICK : WHOLE;
const benchOf = (caseSeed: number): Bench => {
  let shownAt = performance.now();
  return {
    random: randomFrom(caseSeed),
    lines: number('lines', values.lines, size.lines),
    seconds: number('seconds', values.seconds, size.seconds),
    each: number('each', values.each, size.each),
    quick: values.quick,
    way: values.way,
    progress: (text) => {
      if (performance.now() - shownAt < PROGRESS_MS) return;
      shownAt = performance.now();
      say(`    … ${text}`);
    },
  };
};

const outcomes: Outcome[] = [];
const begun = performance.now();
say(`seed ${seed}`);
if (values.mixed !== undefined) {
  const minutes = number('mixed', values.mixed, 0);
  const title = `all kinds of faults at random and at once, for ${minutes} minutes`;
  const all: FaultCase = { number: 0, name: 'mixed', title, run: () => mixed(minutes, seed, say) };
  say(title);
  const outcome = await runOne(all, benchOf(seed));
  if (outcome.verdict !== null) show(outcome.verdict);
  outcomes.push(outcome);
} else {
  const cases = chosen();
  for (const [index, one] of cases.entries()) {
    // With --only, the seed of a case is the given one, so that a single case can be repeated.
    const bench = benchOf(values.only.length > 0 ? seed : (seed + one.number * 1000 + index) % 2 ** 31);
    say(`[${index + 1}/${cases.length}] ${one.number} ${one.name}: ${one.title} (seed ${bench.random.seed})`);
    const outcome = await runOne(one, bench);
    if (outcome.verdict !== null) show(outcome.verdict);
    say(`    ${outcome.state} after ${Math.round(outcome.seconds)} s`);
    outcomes.push(outcome);
  }
}
await stopEngine();

say('');
say(HEAD);
for (const outcome of outcomes) say(row(outcome));
say('');
for (const line of LEGEND) say(line);
const failed = outcomes.filter(({ state }) => state === 'FAILED').length;
const good = outcomes.filter(({ state }) => state === 'passed').length;
const absent = outcomes.length - failed - good;
if (absent > 0) say(`${absent} cannot run on this machine`);
say(`${Math.round((performance.now() - begun) / 1000)} s in all`);
say(`${good} passed, ${failed} failed`);
process.exit(failed === 0 && good > 0 ? 0 : 1);
