/** npm run abuse: honest viewers and callers beside each abuse, and beside all at once; prints a table with one line for each. */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ABUSES } from './abuses.ts';
import { openScene } from './scene.ts';
import { type PhaseResult, runPhase } from './soak.ts';
import { HEAD, LEGEND, markdown, problems, row } from './table.ts';
import { VARIANTS } from './variants.ts';

const HELP = `npm run abuse -- [options]
  --list          list the abuses and run none
  --only NAME     run only rows with NAME in their name, such as 'all at once'; may be repeated
  --seconds N     length of each abuse (60)
  --rest N        seconds at rest before it, and again beside a neighbour (a quarter of that)
  --viewers N     honest viewers (50); --callers N: honest callers (10)
  --shared        one service for all rows, instead of a new one for each
  --out FILE      writes the table there too, as Markdown
  --quick         3 s of each abuse, 10 viewers, 4 callers, fewer runs
  --help          show this text
`;
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string' },
    rest: { type: 'string' },
    shared: { type: 'boolean', default: false },
    viewers: { type: 'string' },
    callers: { type: 'string' },
    out: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const REST = '(at rest)';
/** The abuses of test/security at once; then also those by other ways. */
const ALL = 'all at once';
const ALL_WAYS = 'all at once, by all ways';

/** Ends the services and their Redis if the soak is interrupted. */
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
  const seconds = Number(values.seconds ?? (quick ? 3 : 60));
  const about = {
    seconds,
    restSeconds: Number(values.rest ?? Math.max(seconds / 4, 3)),
    viewers: Number(values.viewers ?? (quick ? 10 : 50)),
    callers: Number(values.callers ?? (quick ? 4 : 10)),
  };
  const scene = { heavyRuns: quick ? 100 : 500, lightRuns: quick ? 2000 : 20_000 };
  say(LEGEND);
  say(HEAD);
  const rows: [name: string, result: PhaseResult][] = [];
  const begun = new Date();
  const all: readonly (readonly [string, readonly string[]])[] = [
    [REST, []],
    ...names.map((name) => [name, [name]] as const),
    [ALL, names.filter((name) => !VARIANTS.some((variant) => variant.name === name))],
    [ALL_WAYS, names],
  ];
  const phases = all.filter(([name]) => only.length === 0 || only.some((part) => name.includes(part)));
  await using neighbour = await openScene(scene);
  await using shared = values.shared ? await openScene(scene) : null;
  for (const [name, abuses] of phases) {
    await using own = shared === null ? await openScene(scene) : null;
    const open = shared ?? own;
    if (open === null) continue;
    leave = async () => {
      await Promise.all([open[Symbol.asyncDispose](), neighbour[Symbol.asyncDispose]()]);
    };
    const result = await runPhase(open, { names: abuses, ...about }, neighbour);
    rows.push([name, result]);
    if (values.out !== undefined) writeFileSync(values.out, report(begun, seconds, rows));
    say(row(name, result));
    for (const fault of result.faults.slice(0, 3)) say(`    ! ${fault}`);
  }
  const failed = rows.filter(([, result]) => problems(result).length > 0).length;
  say(`${phases.length - failed} held, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};

const report = (
  begun: Date,
  seconds: number,
  rows: Parameters<typeof markdown>[0],
): string => `# Honest clients beside abusers

Written by \`npm run abuse\`, ${begun.toISOString()}: ${cpus().length} cores (${cpus()[0]?.model ?? ''}), ${Math.round(totalmem() / 1e9)} GB, Node.js ${process.version},
${seconds} s of each abuse. Service, Redis, honest clients and abusers share the machine.

${LEGEND.replaceAll('\n', '\\\n')}

${markdown(rows)}
`;

process.exitCode = await main();
