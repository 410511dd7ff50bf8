/** Tokens from the page in which a log is embedded. */
import type { Tokens } from '../connection/pageToken.ts';
import type { TokenSource } from './elementTypes.ts';

/** @param source read at each need, so that a page can set another one */
export const elementTokens = (source: () => TokenSource): Tokens => {
  let current: Promise<string | null> | null = null;
  /** What `current` has resolved to. */
  let known: string | null = null;
  const read = async (): Promise<string | null> => {
    const from = source();
    known = typeof from === 'function' ? await from() : from;
    return known;
  };
  const drop = (token: string | null): void => {
    // An answer to an earlier token says nothing about the current one.
    if (token === known) current = null;
  };
  return {
    get: () => {
      if (current !== null) return current;
      const asked = read().catch((error: unknown) => {
        // The next connection asks again.
        if (current === asked) current = null;
        throw error;
      });
      current = asked;
      return asked;
    },
    refused: drop,
    expired: drop,
  };
};
