/**
 * Resolves or rejects as `promise` does, or rejects with the signal's reason, whichever comes first. The work behind
 * `promise` goes on; its later rejection is ignored.
 */
export const abortable = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  // Without a handler, a rejection after the abort would be an unhandled one.
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
