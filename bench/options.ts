/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { LIMITS } from '../src/domain/limits.ts';

export interface Options {
  /** Names of parts; empty: all. */
  readonly only: readonly string[];
  /** Letters of contenders. */
  readonly contenders: string;
  readonly viewers: readonly number[];
  /** Length of one measurement. */
  readonly seconds: number;
  /** Measurements of each thing, of which the median is told. */
  readonly repeat: number;
  /** Lines of one batch in a flood. The default is about what the part `append` sees of an executor. */
  readonly batch: number;
  /** Processes of the load client. */
  readonly workers: number;
  /** Where results go. */
  readonly out: string;
  /** Where profiles of the servers go; null: none are made, since they cost. */
  readonly profile: string | null;
}

export const USAGE = `npm run bench -- [options]
  --only flood,rate,command,replay,append,storage,stalled,runs,growth   default: all
  --contenders ABCDE    A bare forwarder, B plain GraphQL, C runLogs, D runLogBatches, E D over SSE
  --viewers 1,20,100,500
  --seconds 2           of one measurement
  --repeat 1            measurements of each thing; the median is told
  --batch 3000          lines of one batch in a flood
  --workers 2           processes of the load client
  --out bench/results   where table, JSON and plot go
  --profile DIRECTORY   write there where the servers' CPU time goes (this costs)
`;

const whole = (text: string, name: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name}: ${text} is no count`);
  return value;
};

/** @throws Error where an option is not known or makes no sense */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      contenders: { type: 'string', default: 'ABCDE' },
      viewers: { type: 'string', default: '1,20,100,500' },
      seconds: { type: 'string', default: '2' },
      repeat: { type: 'string', default: '1' },
      batch: { type: 'string', default: '3000' },
      workers: { type: 'string', default: '2' },
      out: { type: 'string', default: 'bench/results' },
      profile: { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`--seconds: ${values.seconds} is no length of time`);
  if (!/^[A-E]+$/.test(values.contenders)) throw new Error(`--contenders: ${values.contenders} are none of ABCDE`);
  return {
    only: values.only.split(',').filter((name) => name !== ''),
    contenders: values.contenders,
    viewers: values.viewers.split(',').map((text) => whole(text, 'viewers')),
    seconds,
    repeat: whole(values.repeat, 'repeat'),
    batch: Math.min(whole(values.batch, 'batch'), LIMITS.appendEvents),
    workers: whole(values.workers, 'workers'),
    out: values.out,
    profile: values.profile ?? null,
  };
};
