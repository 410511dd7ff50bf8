/** The longest timer of Node.js, milliseconds. A longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls `action` once after `ms` milliseconds, which can be more than a timer of Node.js takes. Returns a cancel
 * function.
 */
export const after = (ms: number, action: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    const step = Math.min(left, MAX_TIMER_MS);
    timer = setTimeout(() => (left > step ? wait(left - step) : action()), step);
  };
  wait(ms);
  return () => clearTimeout(timer);
};

/** Calls `action` every `ms` milliseconds. Returns a cancel function. */
export const every = (ms: number, action: () => void): (() => void) => {
  const timer = setInterval(action, ms);
  return () => clearInterval(timer);
};
