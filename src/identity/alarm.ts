/** Longest single timer, ms: well below setTimeout's bound of 2^31 - 1, and a clock that is set is noticed in this time. */
const LONGEST_MS = 60_000;

/**
 * Calls `ring` once, as soon as the clock shows `at` (ms since 1970), however far that is. Does not keep the process alive.
 * The returned function stops it.
 */
export const alarm = (at: number, ring: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    // A timer can fire a millisecond early.
    timer = setTimeout(() => (Date.now() >= at ? ring() : wait()), Math.min(Math.max(at - Date.now(), 1), LONGEST_MS));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
};
