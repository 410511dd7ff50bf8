/** Run tokens: short-lived tokens for given runs, which a backend hands to a browser. They are verified without Redis. */
import { createHash, randomUUID } from 'node:crypto';
import { decodeProtectedHeader, type JWTPayload } from 'jose';
import { type Caller, grantableScopes, isScope, type Scope } from '../domain/caller.ts';
import { parseRunId, type RunId } from '../domain/ids.ts';
import { SignatureRefused, SignedTokens, type TokenKind } from './signedTokens.ts';
import { TokenRefused } from './tokenRefused.ts';

const KIND: TokenKind = { purpose: 'run token', type: 'runloom-run+jwt' };

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
  readonly #tokens: SignedTokens;

  /** @param installation a token of another installation is refused, even with the same master key */
  constructor(masterKey: Buffer, installation: string) {
    this.#tokens = new SignedTokens(masterKey, installation, KIND);
  }

  /** Signs a token with no more rights than its maker has: the scopes that it lacks are left out. */
  async sign(maker: Caller, request: RunTokenRequest, now = Date.now()): Promise<SignedToken> {
    const { subject: sub, tenant } = maker;
    const grantable = grantableScopes(maker);
    const scope = [...request.scopes].filter((one) => grantable.has(one)).join(' ');
    const ends = Math.floor(now / 1000) + request.expiresInSeconds;
    // A token never outlives its maker's own.
    const expiresAt = maker.expiresAt === null ? ends : Math.min(ends, Math.floor(maker.expiresAt / 1000));
    const id = randomUUID();
    const claims = { sub, tenant, scope, runs: request.runIds, jti: id, ...share(maker) };
    const token = await this.#tokens.sign(claims, expiresAt, now);
    return { token, id, expiresAt: expiresAt * 1000 };
  }

  /** The caller that the token stands for. @throws TokenRefused */
  async verify(token: string, now = Date.now()): Promise<Caller> {
    try {
      return callerOf(await this.#tokens.verify(token, now));
    } catch (error) {
      if (!(error instanceof SignatureRefused)) throw error;
      throw new TokenRefused(error.message, error.hasExpired ? 'expired' : 'invalid');
    }
  }
}

/** Names the runs of a token: tokens for the same runs have one share of the limits. */
export const shareOf = (runs: ReadonlySet<RunId>): string =>
  createHash('sha256')
    .update([...runs].sort().join())
    .digest('base64url');

/** What a run token makes counts as itself: else a token for many runs had as many shares as there are parts of them. */
const share = ({ runs, countedAs }: Caller): { readonly share?: string } =>
  runs === null ? {} : { share: countedAs ?? shareOf(runs) };

const callerOf = (payload: JWTPayload): Caller => {
  const {
    sub = '',
    exp = 0,
    tenant,
    scope,
    runs,
    share: countedAs,
  } = payload as JWTPayload & Readonly<Record<string, unknown>>;
  if (typeof tenant !== 'string' || typeof scope !== 'string' || !Array.isArray(runs)) {
    throw new SignatureRefused('the claims are not those of a run token');
  }
  return {
    subject: sub,
    tenant,
    scopes: new Set(scope.split(' ').filter(isScope)),
    runs: new Set(runs.flatMap((id) => (typeof id === 'string' ? (parseRunId(id) ?? []) : []))),
    expiresAt: exp * 1000,
    apiTokenId: null,
    ...(typeof countedAs === 'string' ? { countedAs } : {}),
  };
};

/** Whether the text looks like a run token; a token of an identity provider has another type. */
export const isRunToken = (token: string): boolean => {
  try {
    return decodeProtectedHeader(token).typ === KIND.type;
  } catch {
    return false;
  }
};
