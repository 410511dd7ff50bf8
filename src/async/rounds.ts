/** Rounds of the event loop: counted, and with a bounded share for queued work, so that everything else has time too. */

/** Goes up when the loop has gone round, as long as somebody asks. */
let round = 0;
let counting = false;

export const presentRound = (): number => {
  if (!counting) {
    counting = true;
    setImmediate(() => {
      counting = false;
      round += 1;
    });
  }
  return round;
};

/**
 * Calls the functions that `take` gives, one after the other and for about `roundMs` in each round of the loop, until it
 * gives none. Call the returned function whenever `take` has something again.
 */
export const servedInRounds = (take: () => (() => void) | undefined, roundMs: number): (() => void) => {
  let serving = false;
  const serve = (): void => {
    const until = performance.now() + roundMs;
    const next = (): void => {
      const resolve = take();
      if (resolve === undefined) {
        serving = false;
        return;
      }
      resolve();
      // nextTick out of a microtask runs after everything that `resolve` started has run.
      queueMicrotask(() => process.nextTick(() => (performance.now() < until ? next() : setImmediate(serve))));
    };
    next();
  };
  return () => {
    if (serving) return;
    serving = true;
    setImmediate(serve);
  };
};
