/** What is open for callers: WebSockets, event streams and downloads. Each is ended when its token ceases to be valid. */

import { NewestMap } from '../collections/newestMap.ts';
import type { Caller } from '../domain/caller.ts';
import { alarm } from './alarm.ts';

export type SessionEnd = 'expired' | 'revoked';
/** Closes what is open. Called at most once. */
export type EndSession = (why: SessionEnd) => void;

/** Revoked tokens that are remembered: of requests that were authenticated before and open something only now. */
const REMEMBERED = 10_000;
const nothing = (): void => undefined;

export class Sessions {
  /** By the id of the API token. */
  readonly #open = new Map<string, Set<EndSession>>();
  readonly #revoked = new NewestMap<string, true>(REMEMBERED);

  /** `end` is called at the expiry or the revocation of the caller's token. The returned function ends the watch. */
  open(caller: Caller, end: EndSession): () => void {
    const { expiresAt, apiTokenId } = caller;
    if (expiresAt === null && apiTokenId === null) return nothing;
    if (apiTokenId !== null && this.#revoked.has(apiTokenId)) {
      end('revoked');
      return nothing;
    }
    const endOnce: EndSession = (why) => {
      leave();
      end(why);
    };
    const stopAlarm = expiresAt === null ? nothing : alarm(expiresAt, () => endOnce('expired'));
    const leave = (): void => {
      stopAlarm();
      if (apiTokenId !== null) this.#leave(apiTokenId, endOnce);
    };
    if (apiTokenId !== null) this.#of(apiTokenId).add(endOnce);
    return leave;
  }

  /** Ids of the API tokens for which something is open. */
  get apiTokenIds(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Ends all that is open for the API token, and what is opened for it later. */
  revoke(apiTokenId: string): void {
    this.#revoked.set(apiTokenId, true);
    for (const end of [...(this.#open.get(apiTokenId) ?? [])]) end('revoked');
  }

  #of(apiTokenId: string): Set<EndSession> {
    const known = this.#open.get(apiTokenId);
    if (known !== undefined) return known;
    const made = new Set<EndSession>();
    this.#open.set(apiTokenId, made);
    return made;
  }

  #leave(apiTokenId: string, end: EndSession): void {
    const open = this.#open.get(apiTokenId);
    if (open?.delete(end) && open.size === 0) this.#open.delete(apiTokenId);
  }
}
