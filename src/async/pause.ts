import { setTimeout as delay } from 'node:timers/promises';

/** Waits `ms` milliseconds. @param ref false: the wait does not keep the process alive @throws the signal's reason */
export const pause = async (ms: number, signal?: AbortSignal, ref = true): Promise<void> => {
  try {
    await delay(ms, undefined, { signal, ref });
  } catch (error) {
    // Node rejects with an AbortError of its own.
    signal?.throwIfAborted();
    throw error;
  }
};
