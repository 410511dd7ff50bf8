import type { PullSource } from '../../src/async/pullIterator.ts';
import { LATER, type Source } from '../../src/async/source.ts';

/** Waits for the next item; null at the end. @throws the signal's reason, and what the source throws */
export const nextOf = async <T>(source: Source<T>, signal: AbortSignal): Promise<T | null> => {
  for (;;) {
    const taken = source.take();
    if (taken !== LATER) return taken;
    await source.more(signal);
  }
};

/** The same as the source of a PullIterator. */
export const pulling = <T>(source: Source<T>): PullSource<T> => ({
  next: (signal) => nextOf(source, signal),
  close: () => source.close(),
});
