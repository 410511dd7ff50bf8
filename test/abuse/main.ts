/** npm run abuse: honest viewers and callers beside each abuse in turn, and all at once; a table with a line for each. */
import { parseArgs } from 'node:util';
import { ABUSES } from './abuses.ts';
import { openScene } from './scene.ts';
import { type PhaseResult, runPhase } from './soak.ts';
import { HEAD, LEGEND, problems, row } from './table.ts';

const HELP = `npm run abuse -- [options]
  --list          names the abuses, and runs none
  --only NAME     those alone whose name holds NAME, without the one of all at once; may be given again
  --seconds N     of each (60)
  --viewers N     honest viewers (50); --callers N: honest callers (10)
  --quick         3 s of each, 10 viewers, 4 callers, fewer runs
  --help          this
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

/** What an interrupted soak has to end: the service and its Redis. */
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
    // Each has a service of its own: its peak of memory is its own too.
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
