/**
 * Tokens of an identity provider (AUTH=jwt): signature, issuer, audience and time are checked by jose. The algorithms are
 * pinned by the kind of key, so that no token chooses how it is checked (RFC 8725, 3.1).
 */
import type { KeyObject } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { type Caller, isScope } from '../domain/caller.ts';
import { Refusal } from '../domain/errors.ts';
import { claimOf, textList } from './claims.ts';
import { providerKeys } from './providerKeys.ts';
import { TokenRefused } from './tokenRefused.ts';

/** Where the keys come from. */
export type ProviderKey =
  | { readonly kind: 'jwks'; readonly url: URL }
  | { readonly kind: 'public'; readonly key: KeyObject }
  | { readonly kind: 'secret'; readonly bytes: Uint8Array };

export interface ProviderOptions {
  readonly key: ProviderKey;
  readonly issuer: string;
  readonly audience: string;
  /** Names of the claims that carry the tenant and the scopes, or paths to them (claims.ts). */
  readonly tenantClaim: string;
  readonly scopesClaim: string;
}

/** Difference of clocks that is tolerated, in seconds. */
const CLOCK_SKEW_SECONDS = 30;
const ASYMMETRIC = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
/** Characters of a subject and of a tenant: they are stored with each run. */
const NAME_CHARACTERS = 256;
/** The last instant of JavaScript's dates, ms. */
const LAST_INSTANT = 8.64e15;

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= NAME_CHARACTERS && !/\p{Cc}/u.test(value);

export class ProviderTokens {
  readonly #options: ProviderOptions;
  readonly #keyOf: JWTVerifyGetKey;

  constructor(options: ProviderOptions) {
    const { key } = options;
    this.#options = options;
    this.#keyOf = key.kind === 'jwks' ? providerKeys(key.url) : () => (key.kind === 'secret' ? key.bytes : key.key);
  }

  /** The caller that the token stands for. @throws TokenRefused; Unavailable if the provider's keys cannot be fetched */
  async verify(token: string): Promise<Caller> {
    const { issuer, audience, key } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keyOf, {
        issuer,
        audience,
        algorithms: key.kind === 'secret' ? SYMMETRIC : ASYMMETRIC,
        clockTolerance: CLOCK_SKEW_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      return this.#callerOf(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenRefused('the token has expired', 'expired');
      if (error instanceof Refusal) throw error;
      throw new TokenRefused(error instanceof Error ? error.message : 'the token cannot be read');
    }
  }

  #callerOf(payload: JWTPayload): Caller {
    const { tenantClaim, scopesClaim } = this.#options;
    const { sub, exp = 0, iat = 0 } = payload;
    const [tenant, ...more] = textList(claimOf(payload, tenantClaim), null);
    if (!isName(sub)) throw new TokenRefused('the claim "sub" is not a name');
    if (!isName(tenant) || more.length > 0) throw new TokenRefused(`the claim "${tenantClaim}" is not one tenant`);
    // jose checks "nbf" but not "iat". A token of the future is forged or misdated.
    if (iat > Date.now() / 1000 + CLOCK_SKEW_SECONDS) throw new TokenRefused('the token was issued in the future');
    return {
      subject: sub,
      tenant,
      scopes: new Set(textList(claimOf(payload, scopesClaim), ' ').filter(isScope)),
      runs: null,
      expiresAt: endOf(exp),
      apiTokenId: null,
    };
  }
}

/** When what was opened with the token ends: at its expiry; if that has passed within the tolerance, at the tolerance's end. */
const endOf = (exp: number): number => {
  const at = exp * 1000;
  return Math.min(at > Date.now() ? at : at + CLOCK_SKEW_SECONDS * 1000, LAST_INSTANT);
};
