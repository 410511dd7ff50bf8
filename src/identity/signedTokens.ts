/**
 * Short-lived signed tokens (JWT, HS256) of one kind, which are verified without Redis. The signing key changes each day and
 * is derived from the master key; its number is the token's `kid`. Tokens live at most as long as a key is used, so two
 * keys are valid at any time.
 */
import { createHmac } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { LIMITS } from '../domain/limits.ts';

const ISSUER = 'runloom';
const ALGORITHM = 'HS256';
/** A signing key is used for as long as the longest life of a token. */
const KEY_MS = LIMITS.runTokenSeconds * 1000;
/** Clocks of two processes can differ by this much. */
const CLOCK_MS = 30_000;

export interface TokenKind {
  /** Part of the key: a token of one kind is never valid as one of another. */
  readonly purpose: string;
  /** `typ` of the header: says what the token is for, so that no other token is taken for one (RFC 8725, 3.11). */
  readonly type: string;
}

/** The token has expired, or is not one of this kind and installation. */
export class SignatureRefused extends Error {
  override readonly name = 'SignatureRefused';
  readonly hasExpired: boolean;

  /** @param reason for the service's own log; without any part of the token */
  constructor(reason: string, hasExpired = false) {
    super(reason);
    this.hasExpired = hasExpired;
  }
}

export class SignedTokens {
  readonly #masterKey: Buffer;
  readonly #installation: string;
  readonly #kind: TokenKind;

  /** @param installation the audience: a token of another installation is refused, even with the same master key */
  constructor(masterKey: Buffer, installation: string, kind: TokenKind) {
    this.#masterKey = masterKey;
    this.#installation = installation;
    this.#kind = kind;
  }

  /** @param expiresAt in seconds since 1970, within a day */
  sign(claims: JWTPayload & { readonly sub: string }, expiresAt: number, now = Date.now()): Promise<string> {
    const key = Math.floor(now / KEY_MS);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: String(key), typ: this.#kind.type })
      .setIssuer(ISSUER)
      .setAudience(this.#installation)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(expiresAt)
      .sign(this.#key(key));
  }

  /** The claims of the token. @throws SignatureRefused */
  async verify(token: string, now = Date.now()): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#keyOf(kid, now), {
        issuer: ISSUER,
        audience: this.#installation,
        algorithms: [ALGORITHM],
        typ: this.#kind.type,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(now),
      });
      return payload;
    } catch (error) {
      if (error instanceof SignatureRefused) throw error;
      const { purpose } = this.#kind;
      if (error instanceof errors.JWTExpired) throw new SignatureRefused(`the ${purpose} has expired`, true);
      throw new SignatureRefused(error instanceof Error ? error.message : `the ${purpose} cannot be read`);
    }
  }

  /** Two keys are valid; around midnight (UTC) also the next, since the clock of the process that signed can be ahead. */
  #keyOf(kid: string | undefined, now: number): Uint8Array {
    const number = /^\d{1,9}$/.test(kid ?? '') ? Number(kid) : Number.NaN;
    const oldest = Math.floor(now / KEY_MS) - 1;
    const newest = Math.floor((now + CLOCK_MS) / KEY_MS);
    if (number >= oldest && number <= newest) return this.#key(number);
    throw new SignatureRefused(`the key of the ${this.#kind.purpose} is not known`);
  }

  #key(number: number): Uint8Array {
    return createHmac('sha256', this.#masterKey).update(`runloom ${this.#kind.purpose} ${number}`).digest();
  }
}
