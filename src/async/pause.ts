import { setTimeout as delay } from 'node:timers/promises';

/** Waits `ms` milliseconds. @throws the signal's reason */
export const pause = async (ms: number, signal?: AbortSignal): Promise<void> => {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    // Node rejects with an AbortError of its own.
    signal?.throwIfAborted();
    throw error;
  }
};
