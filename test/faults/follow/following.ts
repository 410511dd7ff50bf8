/** The usual case: a stack is opened, a command writes numbered lines, three viewers follow, faults are injected. */
import type { Bench, FaultCase } from '../faultCase.ts';
import { numbered, type ScenarioOptions, type Scene, scenario } from '../scenario.ts';
import { makeFsyncRecorder } from '../stack/powerLoss.ts';
import { Stack, type StackOptions } from '../stack/stack.ts';

export interface Following
  extends Pick<FaultCase, 'number' | 'name' | 'title'>,
    Omit<ScenarioOptions, 'stack' | 'bench' | 'lines' | 'seconds' | 'command' | 'start'> {
  readonly stack?: StackOptions | (() => Promise<StackOptions>);
  /** Redis records what it has synced, so that a power failure can be injected (powerLoss.ts). */
  readonly power?: boolean;
  /** If the command differs from the one of the bench. */
  readonly lines?: number | ((bench: Bench) => number);
  readonly seconds?: number | ((bench: Bench) => number);
  /** Default: numbered lines. */
  readonly command?: (lines: number, seconds: number) => readonly string[];
  /** Starts the run without startRun. What it opens is added to `ends`. */
  readonly start?: (begin: Beginning) => Promise<string>;
}

export interface Beginning {
  readonly stack: Stack;
  readonly command: readonly string[];
  readonly ends: AsyncDisposableStack;
}

const of = (value: number | ((bench: Bench) => number) | undefined, bench: Bench, otherwise: number): number =>
  typeof value === 'function' ? value(bench) : (value ?? otherwise);

export const following = (one: Following): FaultCase => {
  const { number, name, title, stack: options = {}, power = false, command = numbered, start, ...rest } = one;
  return {
    number,
    name,
    title,
    async run(bench) {
      await using ends = new AsyncDisposableStack();
      const path = power ? { path: ends.use(await makeFsyncRecorder()).path } : {};
      const stack = ends.use(
        await Stack.open({ ...(typeof options === 'function' ? await options() : options), ...path }),
      );
      const lines = of(one.lines, bench, bench.lines);
      const seconds = of(one.seconds, bench, bench.seconds);
      const written = command(lines, seconds);
      const begin = start === undefined ? {} : { start: () => start({ stack, command: written, ends }) };
      return await scenario({ ...rest, ...begin, stack, bench, lines, seconds, command: written });
    },
  };
};

/** Injects a fault when the first viewer has each of these shares of the lines. Returns the number of faults. */
export const atEach = async (
  { at, random }: Scene,
  shares: readonly number[],
  hurt: (index: number) => Promise<number | undefined>,
): Promise<number> => {
  let faults = 0;
  for (const [index, share] of shares.entries()) {
    await at(share + random.next() * 0.05);
    faults += (await hurt(index)) ?? 1;
  }
  return faults;
};
