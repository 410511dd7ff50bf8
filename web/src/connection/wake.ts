/** Tells when a connection can be dead although nothing has closed it: after a sleep, or a change of the network. */

const LOOK_MS = 2000;
/** A clock that is so much ahead of the timer means that the machine has slept. */
const JUMP_MS = 8000;

/** Calls `listener` at each such moment; it may be called without need. Returns what stops it. */
export const onWake = (listener: () => void): (() => void) => {
  let looked = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (Math.abs(now - looked) > LOOK_MS + JUMP_MS) listener();
    looked = now;
  }, LOOK_MS);
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') listener();
  };
  const own = new AbortController();
  const { signal } = own;
  for (const name of ['online', 'offline', 'pageshow']) addEventListener(name, listener, { signal });
  document.addEventListener('resume', listener, { signal });
  document.addEventListener('visibilitychange', onVisible, { signal });
  return () => {
    clearInterval(timer);
    own.abort();
  };
};
