/** From the credentials of a request or a socket to its caller. One place decides for every transport. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { type Caller, DEFAULT_TENANT, LOCAL_ADMIN } from '../domain/caller.ts';
import { answered } from '../redis/wait.ts';
import { isApiToken } from './apiToken.ts';
import { type ApiTokens, callerOfApiToken } from './apiTokens.ts';
import type { LogLinks } from './logLinks.ts';
import type { ProviderTokens } from './providerTokens.ts';
import { isRunToken, type RunTokens } from './runTokens.ts';
import { TokenRefused } from './tokenRefused.ts';

export interface Authenticator {
  /**
   * @param authorization the header, or the same text in `connectionParams`; null: none was sent
   * @param address of the client
   * @throws TokenRefused; Unavailable while Redis or the identity provider is away: nobody is let in then
   */
  authenticate(authorization: string | null, address?: string): Promise<Caller>;
  /** Who uses a link to a log (logLinks.ts). @throws as `authenticate` */
  authenticateLink(ticket: string, path: string, address?: string): Promise<Caller>;
}

/** AUTH=none: everybody is the local admin, whatever is sent. */
export const NO_AUTHENTICATION: Authenticator = {
  authenticate: () => Promise.resolve(LOCAL_ADMIN),
  authenticateLink: () => Promise.resolve(LOCAL_ADMIN),
};

export interface AuthenticatorOptions {
  /** AUTH has `tokens`: API tokens and ADMIN_TOKEN; null: not accepted. */
  readonly tokens: { readonly apiTokens: ApiTokens; readonly adminToken: string | null } | null;
  /** AUTH has `jwt`; null: not accepted. */
  readonly provider: ProviderTokens | null;
  /** Accepted with both. */
  readonly runTokens: RunTokens;
  readonly logLinks: LogLinks;
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

/** RFC 6750, 2.1: the scheme's name in any case, then one token. ADMIN_TOKEN can have any visible character. */
const BEARER = /^bearer +([\x21-\x7e]+) *$/i;
/** Longer ones are refused unread. */
const MAX_CHARACTERS = 8192;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

export const createAuthenticator = (options: AuthenticatorOptions): Authenticator => {
  const { tokens, provider, runTokens, logLinks, logger } = options;
  const adminHash = tokens?.adminToken == null ? null : sha256(tokens.adminToken);

  const verify = async (token: string): Promise<Caller> => {
    // Both hashes have the same length, so the comparison takes the same time for every token.
    if (adminHash !== null && timingSafeEqual(sha256(token), adminHash)) return ADMIN;
    if (tokens !== null && isApiToken(token)) {
      return callerOfApiToken(await answered(() => tokens.apiTokens.find(token), logger));
    }
    if (isRunToken(token)) return await runTokens.verify(token);
    if (provider !== null) return await provider.verify(token);
    throw new TokenRefused('it is not a token of this service');
  };

  const verifyLink = async (ticket: string, path: string): Promise<Caller> => {
    const caller = await logLinks.verify(ticket, path);
    const { apiTokenId } = caller;
    if (apiTokenId === null || tokens === null) return caller;
    const [isValid] = await answered(() => tokens.apiTokens.areValid([apiTokenId]), logger);
    if (isValid !== true) throw new TokenRefused('the API token of the link is not valid any more', 'link');
    return caller;
  };

  const noted = async (check: () => Promise<Caller>): Promise<Caller> => {
    try {
      return await check();
    } catch (error) {
      if (error instanceof TokenRefused) logger.debug({ reason: error.reason }, 'a token was refused');
      throw error;
    }
  };

  return {
    authenticate: (authorization) => noted(async () => await verify(tokenIn(authorization))),
    authenticateLink: (ticket, path) => noted(() => verifyLink(ticket, path)),
  };
};

/** @throws TokenRefused */
const tokenIn = (authorization: string | null): string => {
  if (authorization === null) throw new TokenRefused('no token was sent', 'none');
  const token = authorization.length > MAX_CHARACTERS ? undefined : BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new TokenRefused('what was sent is not a bearer token');
  return token;
};
