/** From the credentials of a request or a socket to its caller. One place decides for every transport. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { type Caller, DEFAULT_TENANT, LOCAL_ADMIN } from '../domain/caller.ts';
import { isApiToken } from './apiToken.ts';
import { type ApiTokens, callerOfApiToken } from './apiTokens.ts';
import type { ProviderTokens } from './providerTokens.ts';
import { isRunToken, type RunTokens } from './runTokens.ts';
import { TokenRefused } from './tokenRefused.ts';

export interface Authenticator {
  /**
   * @param authorization the header, or the same text in `connectionParams`; null: none was sent
   * @throws TokenRefused; what Redis or the identity provider throws while they are away
   */
  authenticate(authorization: string | null): Promise<Caller>;
}

/** AUTH=none: everybody is the local admin, whatever is sent. */
export const NO_AUTHENTICATION: Authenticator = { authenticate: () => Promise.resolve(LOCAL_ADMIN) };

export interface AuthenticatorOptions {
  /** AUTH has `tokens`: API tokens and ADMIN_TOKEN; null: not accepted. */
  readonly tokens: { readonly apiTokens: ApiTokens; readonly adminToken: string | null } | null;
  /** AUTH has `jwt`; null: not accepted. */
  readonly provider: ProviderTokens | null;
  /** Accepted with both. */
  readonly runTokens: RunTokens;
  readonly logger: Logger;
}

const ADMIN: Caller = {
  subject: 'admin',
  tenant: DEFAULT_TENANT,
  scopes: new Set(['admin']),
  runs: null,
  expiresAt: null,
  apiTokenId: null,
};

/** RFC 6750, 2.1: the scheme's name in any case, then one token. */
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+) *$/i;
/** Longer ones are refused unread. */
const MAX_CHARACTERS = 8192;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

export const createAuthenticator = (options: AuthenticatorOptions): Authenticator => {
  const { tokens, provider, runTokens, logger } = options;
  const adminHash = tokens?.adminToken == null ? null : sha256(tokens.adminToken);

  const verify = async (token: string): Promise<Caller> => {
    if (isRunToken(token)) return await runTokens.verify(token);
    if (tokens !== null && isApiToken(token)) {
      const apiToken = await tokens.apiTokens.find(token);
      if (apiToken === null) throw new TokenRefused('the API token does not exist, has expired or was revoked');
      return callerOfApiToken(apiToken);
    }
    // Both hashes have the same length, so the comparison takes the same time for every token.
    if (adminHash !== null && timingSafeEqual(sha256(token), adminHash)) return ADMIN;
    if (provider !== null) return await provider.verify(token);
    throw new TokenRefused('it is not a token of this service');
  };

  return {
    authenticate: async (authorization) => {
      const token = authorization === null ? null : tokenIn(authorization);
      if (token === null) throw new TokenRefused('no token was sent');
      try {
        return await verify(token);
      } catch (error) {
        if (error instanceof TokenRefused) logger.debug({ reason: error.message }, 'a token was refused');
        throw error;
      }
    },
  };
};

const tokenIn = (authorization: string): string | null =>
  authorization.length > MAX_CHARACTERS ? null : (BEARER.exec(authorization)?.[1] ?? null);
