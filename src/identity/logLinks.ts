/**
 * Links to the log of one run, for what cannot send a header: a link in a page, a download manager. A link has a signed
 * ticket, which is valid for its path alone and for a short time. It gives no access to the API.
 */
import type { JWTPayload } from 'jose';
import type { Caller } from '../domain/caller.ts';
import { parseRunId } from '../domain/ids.ts';
import { SignatureRefused, SignedTokens } from './signedTokens.ts';
import { TokenRefused } from './tokenRefused.ts';

export interface LogLinkRequest {
  /** Such as /runs/<id>/log.txt. */
  readonly path: string;
  /** 1 to LIMITS.logLinkSeconds. */
  readonly expiresInSeconds: number;
}

export class LogLinks {
  readonly #tokens: SignedTokens;

  /** @param installation a link of another installation is refused, even with the same master key */
  constructor(masterKey: Buffer, installation: string) {
    this.#tokens = new SignedTokens(masterKey, installation, { purpose: 'log link', type: 'runloom-link+jwt' });
  }

  /** The path with its ticket. A link never outlives its maker's token. */
  async sign(maker: Caller, { path, expiresInSeconds }: LogLinkRequest, now = Date.now()): Promise<string> {
    const { subject: sub, tenant, expiresAt, apiTokenId } = maker;
    const ends = Math.floor(now / 1000) + expiresInSeconds;
    const last = expiresAt === null ? ends : Math.min(ends, Math.floor(expiresAt / 1000));
    const ticket = await this.#tokens.sign({ sub, tenant, path, until: expiresAt, apiToken: apiTokenId }, last, now);
    return `${path}?ticket=${ticket}`;
  }

  /**
   * Who uses a link: its maker, with the right to read this log alone. Its `expiresAt` is that of the maker's token: a
   * download that began in time is not cut when the link expires. @throws TokenRefused
   */
  async verify(ticket: string, path: string, now = Date.now()): Promise<Caller> {
    try {
      return callerOf(await this.#tokens.verify(ticket, now), path);
    } catch (error) {
      if (!(error instanceof SignatureRefused)) throw error;
      throw new TokenRefused(error.message, error.hasExpired ? 'link expired' : 'link');
    }
  }
}

const callerOf = (payload: JWTPayload, path: string): Caller => {
  const { sub = '', tenant, until, apiToken, path: own } = payload as JWTPayload & Readonly<Record<string, unknown>>;
  const runId = parseRunId(path.split('/')[2] ?? '');
  if (own !== path || runId === null) throw new SignatureRefused('the link is for another path');
  if (typeof tenant !== 'string') throw new SignatureRefused('the claims are not those of a link');
  return {
    subject: sub,
    tenant,
    scopes: new Set(['logs:read']),
    runs: new Set([runId]),
    expiresAt: typeof until === 'number' ? until : null,
    apiTokenId: typeof apiToken === 'string' ? apiToken : null,
  };
};
