/** What the API can do with tokens, bound to one caller. The table of rights says who is allowed to call it. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Caller } from '../domain/caller.ts';
import { Conflict } from '../domain/errors.ts';
import { whenReady } from '../redis/wait.ts';
import type { ApiToken, ApiTokenPage, ApiTokens, NewApiToken } from './apiTokens.ts';
import type { RunTokenRequest, RunTokens, SignedToken } from './runTokens.ts';

/** Calls on API tokens throw Unavailable while Redis is away. Calls can run concurrently. */
export interface Tokens {
  /** As RunTokens.sign. The runs must be some that the caller sees. */
  createRunToken(request: RunTokenRequest): Promise<SignedToken>;
  /** As ApiTokens.create. @throws Conflict if the service does not accept API tokens; LimitExceeded */
  createApiToken(asked: NewApiToken): Promise<{ readonly token: string; readonly apiToken: ApiToken }>;
  /** As ApiTokens.revoke. @throws NotFound */
  revokeApiToken(id: string): Promise<ApiToken>;
  /** As ApiTokens.get. */
  getApiToken(id: string): Promise<ApiToken | null>;
  /** As ApiTokens.page. */
  apiTokens(first: number, after: string | null): Promise<ApiTokenPage>;
}

/** The calls on tokens, bound to one caller. Cheap: made for each request. */
export type TokensFor = (caller: Caller) => Tokens;

export interface TokenParts {
  readonly redis: Redis;
  readonly apiTokens: ApiTokens;
  readonly runTokens: RunTokens;
  /** False: AUTH has other kinds of tokens only. */
  readonly acceptsApiTokens: boolean;
  readonly log: Logger;
}

export const tokenCommands = ({ redis, apiTokens, runTokens, acceptsApiTokens, log }: TokenParts): TokensFor => {
  const ready = whenReady(redis, log);
  return (caller) => ({
    createRunToken: (request) => runTokens.sign(caller, request),
    createApiToken: async (asked) => {
      if (!acceptsApiTokens) throw new Conflict(NOT_ACCEPTED);
      return await ready(() => apiTokens.create(caller, asked));
    },
    revokeApiToken: (id) => ready(() => apiTokens.revoke(caller, id)),
    getApiToken: (id) => ready(() => apiTokens.get(caller, id)),
    apiTokens: (first, after) => ready(() => apiTokens.page(caller, first, after)),
  });
};

const NOT_ACCEPTED =
  'This service does not accept API tokens. Add "tokens" to AUTH, or use tokens of your identity provider.';
