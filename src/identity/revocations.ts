/** Revocations of API tokens, by this process and others: they end what is open for the token. */
import type { Logger } from 'pino';
import { persist } from '../redis/wait.ts';
import type { Announcements } from '../wire/announcements.ts';
import { type ApiTokens, REVOKED_CHANNEL } from './apiTokens.ts';
import type { Sessions } from './sessions.ts';

export interface RevocationsOptions {
  readonly announcements: Announcements;
  readonly apiTokens: ApiTokens;
  readonly sessions: Sessions;
  readonly logger: Logger;
}

/** An id is a UUID. */
const ID_CHARACTERS = 36;

/**
 * Ends the sessions of a token as soon as its revocation is announced. The announcement is only a hint: the token's record
 * decides. After a loss of the connection all open tokens are checked. Resolves when it listens; the returned function
 * ends it. @throws the signal's reason
 */
export const watchRevocations = async (options: RevocationsOptions, signal: AbortSignal): Promise<() => void> => {
  const { announcements, apiTokens, sessions, logger } = options;
  const stopping = new AbortController();
  const check = async (ids: readonly string[]): Promise<void> => {
    try {
      const valid = await persist(() => apiTokens.areValid(ids), stopping.signal, logger);
      ids.forEach((id, at) => {
        if (valid[at] === false) sessions.revoke(id);
      });
    } catch (err) {
      if (!stopping.signal.aborted) logger.error({ err }, 'could not check revoked API tokens');
    }
  };
  const unsubscribe = await announcements.subscribe(
    REVOKED_CHANNEL,
    (bytes) => {
      if (bytes.length === ID_CHARACTERS) void check([bytes.toString()]);
    },
    signal,
  );
  const stopListening = announcements.onReconnect(() => void check(sessions.apiTokenIds));
  return () => {
    stopping.abort(new Error('the service stops'));
    stopListening();
    unsubscribe();
  };
};
