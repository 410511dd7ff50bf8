/** Rounds of the event loop: counted, and shared out so that what waits there leaves time to everything else. */

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
 * Calls what `take` gives, one after the other and for about `roundMs` in each round of the loop, until it gives nothing.
 * The returned function says that there is something again; it may be called at any time.
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
      // A tick of a microtask comes when all is done that the resolving began.
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
