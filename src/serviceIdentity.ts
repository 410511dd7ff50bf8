/** Who callers are: the parts of the service that check, make and revoke tokens. */

import { auditLogins } from './audit/auditedLogins.ts';
import { AuditTrail } from './audit/auditTrail.ts';
import type { AuthConfig } from './configIdentity.ts';
import { ApiTokens } from './identity/apiTokens.ts';
import { type Authenticator, createAuthenticator, NO_AUTHENTICATION } from './identity/authenticator.ts';
import { LogLinks } from './identity/logLinks.ts';
import { ProviderTokens } from './identity/providerTokens.ts';
import { watchRevocations } from './identity/revocations.ts';
import { RunTokens } from './identity/runTokens.ts';
import { Sessions } from './identity/sessions.ts';
import { type TokensFor, tokenCommands } from './identity/tokenCommands.ts';
import type { Start } from './serviceStart.ts';
import type { Connections } from './serviceStore.ts';
import { isLoopback } from './system/loopback.ts';
import type { Announcements } from './wire/announcements.ts';

export interface Identity {
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly tokensFor: TokensFor;
  readonly logLinks: LogLinks;
}

interface Needs {
  readonly connections: Connections;
  readonly announcements: Announcements;
  readonly masterKey: Buffer;
  readonly installation: string;
}

/** Resolves when revocations are heard. @throws the signal's reason */
export const openIdentity = async (start: Start, needs: Needs): Promise<Identity> => {
  const { config, say, parts, signal } = start;
  const { connections, announcements, masterKey, installation } = needs;
  const logger = start.logger.child({ part: 'identity' });
  const { auth } = config;
  const { redis } = connections.commands;
  const sessions = new Sessions();
  const apiTokens = new ApiTokens(redis);
  const runTokens = new RunTokens(masterKey, installation);
  // With AUTH=none tokens can be made for a later start with another AUTH.
  const acceptsApiTokens = auth === null || auth.tokens !== null;
  const tokensFor = tokenCommands({ redis, apiTokens, runTokens, acceptsApiTokens, log: logger });
  const logLinks = new LogLinks(masterKey, installation);
  for (const line of described(auth)) say(line);
  if (auth === null) return { authenticator: NO_AUTHENTICATION, sessions, tokensFor, logLinks };
  const { tokens, provider } = auth;
  if (tokens !== null) parts.defer(await watchRevocations({ announcements, apiTokens, sessions, logger }, signal));
  const checking = createAuthenticator({
    tokens: tokens === null ? null : { apiTokens, adminToken: tokens.adminToken },
    provider: provider === null ? null : new ProviderTokens(provider),
    runTokens,
    logLinks,
    logger,
  });
  const authenticator = auditLogins(checking, new AuditTrail(start.logger));
  return { authenticator, sessions, tokensFor, logLinks };
};

/** What the start prints. */
const described = (auth: AuthConfig | null): readonly string[] => {
  if (auth === null) return ['Authentication: none; everybody who reaches the service is its admin'];
  const { tokens, provider } = auth;
  const admin = tokens?.adminToken == null ? 'no ADMIN_TOKEN' : 'ADMIN_TOKEN';
  const kinds = [
    ...(tokens === null ? [] : [`API tokens (${admin})`]),
    ...(provider === null ? [] : [`tokens of ${provider.issuer}`]),
    'run tokens',
  ];
  const url = provider?.key.kind === 'jwks' ? provider.key.url : null;
  const isPlain = url !== null && url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const warning = 'WARNING: JWT_JWKS_URL is not https: whoever is in between can replace the keys, and so be anybody';
  return [`Authentication: ${kinds.join(', ')}`, ...(isPlain ? [warning] : [])];
};
