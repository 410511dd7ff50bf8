/** A part of the bench: what it is given and what it answers. */
import type { Redis } from 'ioredis';
import type { Options } from '../options.ts';

export type Row = Readonly<Record<string, string | number>>;

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Bench {
  /** A connection of the bench's own, for feeds and questions. */
  readonly redis: Redis;
  readonly redisUrl: string;
  /** Process id of its server. */
  readonly redisPid: number;
  readonly options: Options;
  /** Tells who waits what is being done. */
  say(line: string): void;
}

export interface Part {
  readonly name: string;
  /** @throws LineLost where a viewer has not got every line */
  run(bench: Bench): Promise<readonly Section[]>;
}
