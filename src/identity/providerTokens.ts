/**
 * Tokens of an identity provider (AUTH=jwt): signature, issuer, audience and time are checked by jose. The algorithms are
 * pinned by the kind of key, so that no token chooses how it is checked (RFC 8725, 3.1).
 */
import {
  createRemoteJWKSet,
  errors,
  importJWK,
  importSPKI,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { type Caller, isScope } from '../domain/caller.ts';
import { Unavailable } from '../domain/errors.ts';
import { TokenRefused } from './tokenRefused.ts';

/** Where the keys come from; exactly one is set. */
export type ProviderKey =
  | { readonly kind: 'jwks'; readonly url: URL }
  /** PEM (SPKI) or a JWK as JSON. */
  | { readonly kind: 'public'; readonly text: string }
  | { readonly kind: 'secret'; readonly bytes: Uint8Array };

export interface ProviderOptions {
  readonly key: ProviderKey;
  readonly issuer: string;
  readonly audience: string;
  /** Names of the claims that carry the tenant and the scopes. */
  readonly tenantClaim: string;
  readonly scopesClaim: string;
}

/** Difference of clocks that is tolerated, in seconds. */
const CLOCK_SKEW_SECONDS = 30;
/** Keys of the provider are fetched again after this time, and at most once in this time for an unknown `kid`. */
const JWKS_MAX_AGE_MS = 10 * 60_000;
const JWKS_COOLDOWN_MS = 10_000;
const JWKS_TIMEOUT_MS = 5000;

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
/** In that order; the first that a PEM key can be imported for. */
const PEM_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'ES384', 'ES512'];

type Key = JWTVerifyGetKey | CryptoKey | Uint8Array;

const importPublic = async (text: string): Promise<CryptoKey> => {
  if (text.trimStart().startsWith('{')) {
    const key = await importJWK(JSON.parse(text));
    if (key instanceof Uint8Array) throw new TypeError('it is a secret, not a public key');
    return key;
  }
  for (const algorithm of PEM_ALGORITHMS) {
    const key = await importSPKI(text, algorithm).catch(() => null);
    if (key !== null) return key;
  }
  throw new TypeError('it is not a public key as PEM (SPKI) or JWK');
};

const keyOf = async (key: ProviderKey): Promise<Key> => {
  if (key.kind === 'secret') return key.bytes;
  if (key.kind === 'public') return await importPublic(key.text);
  return createRemoteJWKSet(key.url, {
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
    timeoutDuration: JWKS_TIMEOUT_MS,
  });
};

/** A list of texts, or one text with spaces between them (RFC 8693, 4.2). */
const listOf = (claim: unknown): readonly string[] => {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];
};

export class ProviderTokens {
  readonly #options: ProviderOptions;
  readonly #key: Promise<Key>;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#key = keyOf(options.key);
    // The start waits for it in `prepare`; a verification before that waits too.
    this.#key.catch(() => undefined);
  }

  /** @throws Error if JWT_PUBLIC_KEY cannot be used. Keys at a URL are fetched at the first token. */
  async prepare(): Promise<void> {
    await this.#key;
  }

  /** The caller that the token stands for. @throws TokenRefused; Unavailable if the provider's keys cannot be fetched */
  async verify(token: string): Promise<Caller> {
    const { issuer, audience, key } = this.#options;
    const options = {
      issuer,
      audience,
      algorithms: key.kind === 'secret' ? SYMMETRIC : ASYMMETRIC,
      clockTolerance: CLOCK_SKEW_SECONDS,
      requiredClaims: ['exp', 'sub'],
    };
    try {
      const found = await this.#key;
      const { payload } =
        typeof found === 'function' ? await jwtVerify(token, found, options) : await jwtVerify(token, found, options);
      return this.#callerOf(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenRefused('it has expired', true);
      if (error instanceof TokenRefused) throw error;
      if (isOfProvider(error))
        throw new Unavailable('The identity provider does not answer. Try again in a moment.', error);
      throw new TokenRefused(error instanceof Error ? error.message : 'it cannot be read');
    }
  }

  #callerOf(payload: JWTPayload): Caller {
    const { tenantClaim, scopesClaim } = this.#options;
    const tenant = payload[tenantClaim];
    if (typeof tenant !== 'string' || tenant === '') throw new TokenRefused(`it has no claim "${tenantClaim}"`);
    // An issued-at in the future beyond the skew is a forged or misdated token; jose checks `nbf` but not `iat`.
    if (payload.iat !== undefined && payload.iat > Date.now() / 1000 + CLOCK_SKEW_SECONDS) {
      throw new TokenRefused('it was issued in the future');
    }
    return {
      subject: payload.sub ?? '',
      tenant,
      scopes: new Set(listOf(payload[scopesClaim]).filter(isScope)),
      runs: null,
      expiresAt: (payload.exp ?? 0) * 1000 + CLOCK_SKEW_SECONDS * 1000,
      apiTokenId: null,
    };
  }
}

/** Faults of the fetch, not of the token: the keys could not be read. */
const isOfProvider = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC') ||
  (error instanceof TypeError && error.message === 'fetch failed');
