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

export interface Options {
  /** Names of parts; empty: all. */
  readonly only: readonly string[];
  /** Letters of contenders. */
  readonly contenders: string;
  readonly viewers: readonly number[];
  /** Length of one measurement. */
  readonly seconds: number;
  /** Measurements of each thing, of which the median is told; null: see roundsOf. */
  readonly repeat: number | null;
  /** Lines of one batch in a flood. The default is about what the part `append` sees of an executor. */
  readonly batch: number;
  /** Processes of the load client. */
  readonly workers: number;
  /** Where results go. */
  readonly out: string;
  /** Where profiles of the servers go; null: none are made, since they cost. */
  readonly profile: string | null;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [options]
  --only PARTS          of ${PART_NAMES.slice(0, 5).join(',')},
                        ${PART_NAMES.slice(5).join(',')}; default: all
  --contenders ABCDE    A bare forwarder, B plain GraphQL, C runLogs, D runLogBatches, E D over SSE
                        (flood and rate; the other parts are of the service alone)
  --viewers 1,20,100,500  (flood; and rate, which has no other numbers than these)
  --seconds 1           of one measurement
  --repeat N            measurements of each thing, the median is told; default: 3 of what the targets
                        stand on, 1 of the rest
  --batch 3000          lines of one batch in a flood; at most ${LIMITS.appendEvents}
  --workers 2           processes of the load client
  --out bench/results   where bench.md, bench.json and flood.svg go; with docs/bench, the table of
                        docs/explanation/speed.md is updated too
  --profile DIRECTORY   write there where the servers' CPU time goes in flood and replay (this costs)
  --help                this text
Ends 0 where every viewer got every line, 1 where one did not or a part failed, 2 where an option makes no sense.
`;

/** The command line makes no sense; the message is for who wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const ROUNDS = 3;

/** Measurements of a thing: those that the targets stand on are repeated even where nobody asks for it. */
export const roundsOf = ({ repeat }: Pick<Options, 'repeat'>, counted: boolean): number =>
  repeat ?? (counted ? ROUNDS : 1);

const whole = (text: string, name: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name}: ${text} is no count`);
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

/** @throws UsageError where an option is not known or makes no sense */
export const readOptions = (args: readonly string[]): Options => {
  const values = parse(args);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new UsageError(`--seconds: ${values.seconds} is no length of time`);
  if (!/^[A-E]+$/.test(values.contenders)) throw new UsageError(`--contenders: ${values.contenders} are none of ABCDE`);
  const only = values.only.split(',').filter((name) => name !== '');
  const unknown = only.filter((name) => !PART_NAMES.some((part) => part === name));
  if (unknown.length > 0) {
    throw new UsageError(`--only: no such part: ${unknown.join(', ')}; there are ${PART_NAMES.join(', ')}`);
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
