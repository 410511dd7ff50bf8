/** Runs the parts one after the other. A part that fails does not keep the others from being measured. */
import type { Redis } from 'ioredis';
import type { TestRedis } from '../test/support/redis/redis.ts';
import type { Options } from './options.ts';
import type { Part, Row, Section } from './parts/part.ts';
import { cpuMicros, machineMicros, ownMicros } from './process.ts';

export interface Outcome {
  readonly parts: readonly string[];
  readonly sections: readonly Section[];
  readonly results: Readonly<Record<string, readonly (readonly Row[])[]>>;
  /** What failed, with the part's name: a viewer that missed a line, above all. */
  readonly failures: readonly string[];
  /** CPU time of the machine that others used during each part, percent. */
  readonly othersPercent: Readonly<Record<string, number>>;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly options: Options;
  /** Tells who waits what is being done. */
  say(line: string): void;
  onSection(section: Section): void;
}

/** Above this, a figure is not the bench's alone. */
const OTHERS_PERCENT = 10;

/** How much of the machine's CPU time processes used that are not of the bench, percent, since the call. */
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
      say(`NOTE: others used ${Math.round(percent)} % of the machine meanwhile: only the ratios count`);
    }
  }
  return { parts: parts.map(({ name }) => name), sections, results, failures, othersPercent, seconds };
};
