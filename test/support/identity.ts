/** Callers and their tokens, for tests from outside. */
import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { createAuthenticator } from '../../src/identity/authenticator.ts';
import { LogLinks } from '../../src/identity/logLinks.ts';
import { type ProviderKey, ProviderTokens } from '../../src/identity/providerTokens.ts';
import { RunTokens } from '../../src/identity/runTokens.ts';
import { Sessions } from '../../src/identity/sessions.ts';

const SECRET = 'a secret of the identity provider';
/** What AUTH=jwt needs beside it. */
export const JWT_SETTINGS = { JWT_SECRET: SECRET, JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'runloom' };

/** Seconds since 1970. */
export const now = (): number => Date.now() / 1000;

/** The claims of a valid token of the identity provider. */
export const claimsOf = (lifeSeconds: number) => ({
  iss: JWT_SETTINGS.JWT_ISSUER,
  aud: JWT_SETTINGS.JWT_AUDIENCE,
  sub: 'ada',
  tenant: 'default',
  scope: 'admin',
  exp: now() + lifeSeconds,
});

/** A token of the identity provider; `more` replaces claims of a valid one, `undefined` removes one. */
export const providerToken = (more: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  new SignJWT({ ...claimsOf(600), ...more }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));

const SHARED: ProviderKey = { kind: 'secret', bytes: Buffer.from(SECRET) };

/** An admission that lets in only tokens of the identity provider; by default those of providerToken. */
export const lockedAdmission = (key: ProviderKey = SHARED) => ({
  authenticator: createAuthenticator({
    tokens: null,
    provider: new ProviderTokens({
      key,
      issuer: JWT_SETTINGS.JWT_ISSUER,
      audience: JWT_SETTINGS.JWT_AUDIENCE,
      tenantClaim: 'tenant',
      scopesClaim: 'scope',
    }),
    runTokens: new RunTokens(randomBytes(32), 'test'),
    logLinks: new LogLinks(randomBytes(32), 'test'),
    logger: pino({ level: 'silent' }),
  }),
  sessions: new Sessions(),
});
