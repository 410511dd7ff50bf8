/**
 * Run tokens: short-lived tokens for given runs, which a backend hands to a browser. They are signed (JWT, HS256), so they
 * are verified without Redis. The signing key changes each day and is derived from the master key; its number is the
 * token's `kid`. Tokens live at most as long as a key, so two keys are valid at any time.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { type Caller, grantableScopes, isScope, type Scope } from '../domain/caller.ts';
import { parseRunId, type RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import { TokenRefused } from './tokenRefused.ts';

const ISSUER = 'runloom';
const ALGORITHM = 'HS256';
/** A signing key is used for as long as the longest life of a token. */
const KEY_MS = LIMITS.runTokenSeconds * 1000;
/** Clocks of two processes can differ by this much. */
const CLOCK_MS = 30_000;
/** Says what the token is for, so that no other token is taken for one (RFC 8725, 3.11). */
const TYPE = 'runloom-run+jwt';

export interface RunTokenRequest {
  readonly runIds: readonly RunId[];
  readonly scopes: ReadonlySet<Scope>;
  /** 1 to LIMITS.runTokenSeconds. */
  readonly expiresInSeconds: number;
}

export interface SignedToken {
  readonly token: string;
  /** Identifies the token in the audit trail (`jti`). */
  readonly id: string;
  /** In ms since 1970, a whole second. */
  readonly expiresAt: number;
}

export class RunTokens {
  readonly #masterKey: Buffer;
  readonly #installation: string;

  /** @param installation the audience: a token of another installation is refused, even with the same master key */
  constructor(masterKey: Buffer, installation: string) {
    this.#masterKey = masterKey;
    this.#installation = installation;
  }

  /** Signs a token with no more rights than its maker has: the scopes that it lacks are left out. */
  async sign(maker: Caller, request: RunTokenRequest, now = Date.now()): Promise<SignedToken> {
    const grantable = grantableScopes(maker);
    const scopes = [...request.scopes].filter((scope) => grantable.has(scope));
    const ends = Math.floor(now / 1000) + request.expiresInSeconds;
    // A token never outlives its maker's own.
    const expiresAt = maker.expiresAt === null ? ends : Math.min(ends, Math.floor(maker.expiresAt / 1000));
    const key = Math.floor(now / KEY_MS);
    const id = randomUUID();
    const token = await new SignJWT({ tenant: maker.tenant, scope: scopes.join(' '), runs: request.runIds })
      .setProtectedHeader({ alg: ALGORITHM, kid: String(key), typ: TYPE })
      .setJti(id)
      .setIssuer(ISSUER)
      .setAudience(this.#installation)
      .setSubject(maker.subject)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(expiresAt)
      .sign(this.#key(key));
    return { token, id, expiresAt: expiresAt * 1000 };
  }

  /** The caller that the token stands for. @throws TokenRefused */
  async verify(token: string, now = Date.now()): Promise<Caller> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#keyOf(kid, now), {
        issuer: ISSUER,
        audience: this.#installation,
        algorithms: [ALGORITHM],
        typ: TYPE,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(now),
      });
      return callerOf(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenRefused('the run token has expired', 'expired');
      if (error instanceof TokenRefused) throw error;
      throw new TokenRefused(error instanceof Error ? error.message : 'the run token cannot be read');
    }
  }

  /** Two keys are valid; around midnight (UTC) also the next, since the clock of the process that signed can be ahead. */
  #keyOf(kid: string | undefined, now: number): Uint8Array {
    const number = /^\d{1,9}$/.test(kid ?? '') ? Number(kid) : Number.NaN;
    const oldest = Math.floor(now / KEY_MS) - 1;
    const newest = Math.floor((now + CLOCK_MS) / KEY_MS);
    if (!(number >= oldest && number <= newest)) throw new TokenRefused('the key of the run token is not known');
    return this.#key(number);
  }

  #key(number: number): Uint8Array {
    return createHmac('sha256', this.#masterKey).update(`runloom run token ${number}`).digest();
  }
}

const callerOf = (payload: JWTPayload): Caller => {
  const { sub = '', exp = 0, tenant, scope, runs } = payload as JWTPayload & Readonly<Record<string, unknown>>;
  if (typeof tenant !== 'string' || typeof scope !== 'string' || !Array.isArray(runs)) {
    throw new TokenRefused('the claims are not those of a run token');
  }
  return {
    subject: sub,
    tenant,
    scopes: new Set(scope.split(' ').filter(isScope)),
    runs: new Set(runs.flatMap((id) => (typeof id === 'string' ? (parseRunId(id) ?? []) : []))),
    expiresAt: exp * 1000,
    apiTokenId: null,
  };
};

/** Whether the text looks like a run token; a token of an identity provider has another type. */
export const isRunToken = (token: string): boolean => {
  try {
    return decodeProtectedHeader(token).typ === TYPE;
  } catch {
    return false;
  }
};
