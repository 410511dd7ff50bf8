/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { LIMITS } from '../src/domain/limits.ts';

export const PART_NAMES = [
  'flood',
  'rate',
  'command',
  'replay',
  'append',
  'storage',
  'stalled',
  'runs',
  'container',
  'growth',
  'structured',
  'filter',
  'selection',
  'parse',
] as const;

export type PartName = (typeof PART_NAMES)[number];

export interface Options {
  /** Names of parts; empty: all. */
  readonly only: readonly string[];
  /** Letters of contenders. */
  readonly contenders: string;
  readonly viewers: readonly number[];
  /** Length of one measurement, seconds. */
  readonly seconds: number;
  /** Samples of each measurement, of which the median is shown; null: see roundsOf. */
  readonly repeat: number | null;
  /** Lines per batch in a flood. The default is about what an executor makes in the part `append`. */
  readonly batch: number;
  /** Processes of the load client. */
  readonly workers: number;
  /** Directory of the results. */
  readonly out: string;
  /** Directory of CPU profiles of the servers; null: none, because profiling slows the servers. */
  readonly profile: string | null;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [options]
  --only PARTS          comma-separated, default all:
                        ${PART_NAMES.slice(0, 7).join(',')},
                        ${PART_NAMES.slice(7).join(',')}
  --contenders ABCDE    A: bare forwarder, B: plain GraphQL, C: runLogs, D: runLogBatches,
                        E: runLogBatches over SSE (flood and rate; other parts measure runloom alone)
  --viewers 1,20,100,500  numbers of viewers; flood accepts any, other parts use those that they know
  --seconds 1           length of one measurement
  --repeat N            samples of each measurement, of which the median is shown; default: 3 where a
                        target depends on it, otherwise 1
  --batch 3000          lines per batch in a flood, at most ${LIMITS.appendEvents}
  --workers 2           processes of the load client
  --out bench/results   directory for bench.md, bench.json and flood.svg; with docs/bench, the table in
                        docs/explanation/speed.md is updated too
  --profile DIRECTORY   write CPU profiles of the servers in floods and replays (slows the servers)
  --help                show this text
Exit code: 0 if every viewer got every line, 1 if one did not or a part failed, 2 if an option is invalid.
`;

/** The command line is invalid. The message is shown to the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const ROUNDS = 3;

/** Samples of one measurement: by default a measurement that a target depends on is repeated. */
export const roundsOf = ({ repeat }: Pick<Options, 'repeat'>, hasTarget: boolean): number =>
  repeat ?? (hasTarget ? ROUNDS : 1);

const whole = (text: string, name: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`--${name}: "${text}" is not a count. Use a whole number of at least 1.`);
  return value;
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', default: '' },
        contenders: { type: 'string', default: 'ABCDE' },
        viewers: { type: 'string', default: '1,20,100,500' },
        seconds: { type: 'string', default: '1' },
        repeat: { type: 'string' },
        batch: { type: 'string', default: '3000' },
        workers: { type: 'string', default: '2' },
        out: { type: 'string', default: 'bench/results' },
        profile: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    // "Unknown option '--x'. To specify a positional argument starting with a '-', …": the first sentence is enough.
    throw new UsageError((error instanceof Error ? error.message : String(error)).split(/\.\s/)[0] ?? '');
  }
};

/** @throws UsageError if an option is unknown or invalid */
export const readOptions = (args: readonly string[]): Options => {
  const values = parse(args);
  const seconds = Number(values.seconds);
  if (!(seconds > 0))
    throw new UsageError(`--seconds: "${values.seconds}" is not a length of time. Use a number above 0.`);
  if (!/^[A-E]+$/.test(values.contenders))
    throw new UsageError(`--contenders: "${values.contenders}" is not valid. Use letters of ABCDE.`);
  const only = values.only.split(',').filter((name) => name !== '');
  const unknown = only.filter((name) => !PART_NAMES.some((part) => part === name));
  if (unknown.length > 0) {
    throw new UsageError(`--only: no such part: ${unknown.join(', ')}. The parts are ${PART_NAMES.join(', ')}.`);
  }
  return {
    only,
    contenders: values.contenders,
    viewers: values.viewers.split(',').map((text) => whole(text, 'viewers')),
    seconds,
    repeat: values.repeat === undefined ? null : whole(values.repeat, 'repeat'),
    batch: Math.min(whole(values.batch, 'batch'), LIMITS.appendEvents),
    workers: whole(values.workers, 'workers'),
    out: values.out,
    profile: values.profile ?? null,
    help: values.help,
  };
};
