/**
 * Calls `work` every `ms` milliseconds, but never while the previous call is under way. `work` must not reject. Does not
 * keep the process alive. The returned function stops it; a call that is under way goes on.
 */
export const interval = (work: () => Promise<void>, ms: number): (() => void) => {
  let underWay = false;
  const timer = setInterval(() => {
    if (underWay) return;
    underWay = true;
    void work().finally(() => {
      underWay = false;
    });
  }, ms);
  timer.unref();
  return () => clearInterval(timer);
};
