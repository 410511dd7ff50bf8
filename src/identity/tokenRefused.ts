/** A token is not accepted. The reason is for the service's own log; clients learn only whether it has expired. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly expired: boolean;

  /** @param reason without any part of the token */
  constructor(reason: string, expired = false) {
    super(reason);
    this.expired = expired;
  }
}
