/** Runs the parts one after the other. If one fails, the others are still measured. */
import type { Redis } from 'ioredis';
import type { TestRedis } from '../test/support/redis/redis.ts';
import type { Options } from './options.ts';
import type { Part, Row, Section } from './parts/part.ts';
import { cpuMicros, machineMicros, ownMicros } from './process.ts';

export interface Outcome {
  readonly parts: readonly string[];
  readonly sections: readonly Section[];
  readonly results: Readonly<Record<string, readonly (readonly Row[])[]>>;
  /** Each failure, such as a viewer that missed a line, with the name of its part. */
  readonly failures: readonly string[];
  /** CPU time that processes outside the bench used during each part, percent of all cores. */
  readonly othersPercent: Readonly<Record<string, number>>;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly options: Options;
  /** Shows the progress. */
  say(line: string): void;
  onSection(section: Section): void;
}

/** Above this, other processes distort the figures. */
const OTHERS_PERCENT = 10;

/** CPU time that processes outside the bench used since the call, percent of all cores. */
const watchOthers = (redisPid: number): (() => number) => {
  const look = () => ({ ...machineMicros(), own: ownMicros() + cpuMicros(redisPid) });
  const before = look();
  return () => {
    const now = look();
    const foreign = now.used - before.used - (now.own - before.own);
    return (100 * Math.max(foreign, 0)) / (now.all - before.all);
  };
};

const clock = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

export const runParts = async (parts: readonly Part[], given: RunOptions): Promise<Outcome> => {
  const { server, redis, options } = given;
  const sections: Section[] = [];
  const results: Record<string, (readonly Row[])[]> = {};
  const failures: string[] = [];
  const othersPercent: Record<string, number> = {};
  const seconds: Record<string, number> = {};
  const started = performance.now();
  for (const [i, { name, run }] of parts.entries()) {
    const say = (line: string): void =>
      given.say(`${clock(performance.now() - started)} part ${i + 1} of ${parts.length}, ${name}: ${line}`);
    const begun = performance.now();
    const others = watchOthers(server.pid);
    try {
      const answer = await run({ redis, redisUrl: server.url, redisPid: server.pid, options, say });
      sections.push(...answer);
      results[name] = answer.map(({ rows }) => rows);
      for (const section of answer) given.onSection(section);
    } catch (error) {
      const failure = `${name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
      failures.push(failure);
      say(`FAILED: ${failure}`);
    }
    await redis.flushall();
    const percent = others();
    othersPercent[name] = percent;
    seconds[name] = Math.round((performance.now() - begun) / 1000);
    if (percent > OTHERS_PERCENT) {
      say(
        `NOTE: other processes used ${Math.round(percent)} % of all cores meanwhile: trust ratios, not absolute figures`,
      );
    }
  }
  return { parts: parts.map(({ name }) => name), sections, results, failures, othersPercent, seconds };
};
