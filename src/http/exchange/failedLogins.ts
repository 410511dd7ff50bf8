/** Limits wrong tokens per address, on every transport. */
import { ShareUsedUp } from '../../domain/errors.ts';
import type { Authenticator } from '../../identity/authenticator.ts';
import { TokenRefused } from '../../identity/tokenRefused.ts';
import { inSeconds } from '../../limits/clientLimits.ts';
import type { Logins } from '../../limits/logins.ts';
import { networkOf } from '../../system/network.ts';
import type { Admission } from './callerOf.ts';

const tooMany = (waitMs: number): ShareUsedUp =>
  new ShareUsedUp('Too many wrong tokens came from your address.', inSeconds(waitMs));

/** The admission whose authenticator also throws ShareUsedUp. A missing or expired token does not count as a guess. */
export const limitFailedLogins = (admission: Admission, logins: Logins): Admission => ({
  ...admission,
  authenticator: limited(admission.authenticator, logins),
});

const limited = (inner: Authenticator, logins: Logins): Authenticator => ({
  authenticateLink: (ticket, path, address) => inner.authenticateLink(ticket, path, address),
  authenticate: async (authorization, address = '') => {
    if (authorization === null) return await inner.authenticate(null, address);
    const from = networkOf(address);
    const waitMs = logins.waitMs(from, authorization);
    if (waitMs > 0) throw tooMany(waitMs);
    try {
      const caller = await inner.authenticate(authorization, address);
      logins.right(authorization);
      return caller;
    } catch (error) {
      if (!(error instanceof TokenRefused) || error.fault !== 'invalid') throw error;
      const afterMs = await logins.wrong(from, authorization);
      throw afterMs > 0 ? tooMany(afterMs) : error;
    }
  },
});
