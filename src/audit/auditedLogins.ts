/** Writes each refused token to the audit trail, on every transport. */

import type { Caller } from '../domain/caller.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import { TokenRefused } from '../identity/tokenRefused.ts';
import type { AuditTrail } from './auditTrail.ts';

export const auditLogins = (inner: Authenticator, audit: Pick<AuditTrail, 'refused'>): Authenticator => {
  const audited = async (authenticated: Promise<Caller>, address: string): Promise<Caller> => {
    try {
      return await authenticated;
    } catch (error) {
      if (error instanceof TokenRefused) audit.refused(address, error.reason);
      throw error;
    }
  };
  return {
    authenticate: (authorization, address = '') => audited(inner.authenticate(authorization, address), address),
    authenticateLink: (ticket, path, address = '') => audited(inner.authenticateLink(ticket, path, address), address),
  };
};
