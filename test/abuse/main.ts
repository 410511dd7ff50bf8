/** npm run abuse: honest viewers and callers beside each abuse, and beside all at once; prints a table with one line for each. */
import { parseArgs } from 'node:util';
import { ABUSES } from './abuses.ts';
import { openScene } from './scene.ts';
import { type PhaseResult, runPhase } from './soak.ts';
import { HEAD, LEGEND, problems, row } from './table.ts';

const HELP = `npm run abuse -- [options]
  --list          list the abuses and run none
  --only NAME     run only abuses with NAME in their name, and not all at once; may be repeated
  --seconds N     length of each abuse (60)
  --viewers N     honest viewers (50); --callers N: honest callers (10)
  --quick         3 s of each abuse, 10 viewers, 4 callers, fewer runs
  --help          show this text
`;
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string' },
    viewers: { type: 'string' },
    callers: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ALL = 'all at once';

/** Ends the service and its Redis if the soak is interrupted. */
let leave = async (): Promise<void> => undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void leave().finally(() => process.exit(1));
  });
}

const main = async (): Promise<number> => {
  if (values.help) {
    say(HELP);
    return 0;
  }
  const names = ABUSES.map(({ name }) => name);
  if (values.list) {
    for (const name of names) say(name);
    return 0;
  }
  const { quick, only } = values;
  const about = {
    seconds: Number(values.seconds ?? (quick ? 3 : 60)),
    viewers: Number(values.viewers ?? (quick ? 10 : 50)),
    callers: Number(values.callers ?? (quick ? 4 : 10)),
  };
  const chosen = only.length === 0 ? names : names.filter((name) => only.some((part) => name.includes(part)));
  const scene = { heavyRuns: quick ? 100 : 500, lightRuns: quick ? 2000 : 20_000 };
  say(LEGEND);
  say(HEAD);
  let rest: PhaseResult | null = null;
  let failed = 0;
  const phases: readonly (readonly [string, readonly string[]])[] = [
    ['(at rest)', []],
    ...chosen.map((name) => [name, [name]] as const),
    ...(only.length === 0 ? [[ALL, names] as const] : []),
  ];
  for (const [name, abuses] of phases) {
    // Each phase has a new service, so that the peak of memory belongs to it.
    await using open = await openScene(scene);
    leave = async () => await open[Symbol.asyncDispose]();
    const result = await runPhase(open, { names: abuses, ...about });
    rest ??= result;
    if (problems(result, rest).length > 0) failed += 1;
    say(row(name, result, rest));
    for (const fault of result.faults.slice(0, 3)) say(`    ! ${fault}`);
  }
  say(`${phases.length - failed} held, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};

process.exitCode = await main();
