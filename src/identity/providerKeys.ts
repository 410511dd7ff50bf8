/** The signing keys of an identity provider, fetched from its JWKS address and kept. */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { Unavailable } from '../domain/errors.ts';

/** Keys are fetched again in the background after this time. */
const REFRESH_MS = 10 * 60_000;
/** Keys older than this are not used: while the provider is away longer, nobody is let in. */
const MAX_AGE_MS = 60 * 60_000;
/** An unknown `kid` makes the keys be fetched again, at most once in this time. */
const COOLDOWN_MS = 10_000;
/** After a fetch that failed, the next one waits this long. */
const FAILED_MS = 1000;
const TIMEOUT_MS = 5000;

/** Faults of the fetch, not of the token. */
const isOfProvider = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC') ||
  (error instanceof TypeError && error.message === 'fetch failed');

/** Finds a token's key. The first call fetches the keys. @throws Unavailable if they cannot be fetched; what jose throws */
export const providerKeys = (url: URL): JWTVerifyGetKey => {
  const keys = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: TIMEOUT_MS,
  });
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  const refresh = (now: number): void => {
    if (!keys.fresh || now - refreshedAt < REFRESH_MS) return;
    refreshedAt = now;
    keys.reload().catch(() => undefined);
  };
  return async (header, token) => {
    const now = performance.now();
    if (!keys.fresh && now - failedAt < FAILED_MS) throw new Unavailable(AWAY);
    const fetches = !keys.fresh;
    refresh(now);
    try {
      const key = await keys(header, token);
      if (fetches) refreshedAt = now;
      return key;
    } catch (error) {
      if (!isOfProvider(error)) throw error;
      failedAt = performance.now();
      throw new Unavailable(AWAY, error);
    }
  };
};

const AWAY = 'The identity provider does not answer. Try again in a moment.';
