/** A part of the bench: what it gets and what it returns. */
import type { Redis } from 'ioredis';
import type { Options } from '../options.ts';

export type Row = Readonly<Record<string, string | number>>;

export interface Section {
  readonly title: string;
  /** What the columns mean, in whole sentences; shown between the title and the table. */
  readonly note?: string;
  readonly rows: readonly Row[];
}

export interface Bench {
  /** A connection for the bench's own process: it writes lines and reads figures. */
  readonly redis: Redis;
  readonly redisUrl: string;
  /** Process id of the Redis server. */
  readonly redisPid: number;
  readonly options: Options;
  /** Shows the progress. */
  say(line: string): void;
}

export interface Part {
  readonly name: string;
  /** @throws LineLost if a viewer did not get every line */
  run(bench: Bench): Promise<readonly Section[]>;
}
