import { Unauthenticated } from '../domain/errors.ts';

/** `none`: no token was sent; `expired`: it was valid; `invalid`: anything else. `link`: of a link. All that clients learn. */
export type TokenFault = 'none' | 'expired' | 'invalid' | 'link' | 'link expired';

const MESSAGES: Readonly<Record<TokenFault, string>> = {
  none: 'A token is needed. Send it as "Authorization: Bearer <token>".',
  expired: 'The token has expired. Get a new one.',
  invalid: 'The token is not valid. Check that it is complete, or get a new one.',
  link: 'The link is not valid. Check that it is complete, or ask for a new one.',
  'link expired': 'The link has expired. Ask for a new one.',
};

/** A token is not accepted. */
export class TokenRefused extends Unauthenticated {
  override readonly name = 'TokenRefused';
  /** For the service's own log; without any part of the token. */
  readonly reason: string;
  readonly fault: TokenFault;

  constructor(reason: string, fault: TokenFault = 'invalid') {
    super(MESSAGES[fault]);
    this.reason = reason;
    this.fault = fault;
  }
}
