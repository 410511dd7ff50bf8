/** The catalogue of refusals: one class per cause, each with the code that clients see (CONTRACT.md, "Errors"). */

export type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'LIMIT_EXCEEDED'
  | 'UNAVAILABLE';

/** What may be told to a client as it stands. `cause` is kept for the service's own log and never sent. */
export abstract class Refusal extends Error {
  abstract readonly code: ErrorCode;
}

/** The caller asked for something that makes no sense; `argument` is its path, such as "input.env.0.name". */
export class BadUserInput extends Refusal {
  override readonly name = 'BadUserInput';
  readonly code = 'BAD_USER_INPUT';
  readonly argument: string;
  constructor(argument: string, message: string) {
    super(message);
    this.argument = argument;
  }
}

/** There is no such run (any more). */
export class NotFound extends Refusal {
  override readonly name = 'NotFound';
  readonly code = 'NOT_FOUND';
  constructor(message = 'There is no such run.') {
    super(message);
  }
}

/** It contradicts what is: a run that has not finished is deleted, an idempotency key is used for another input. */
export class Conflict extends Refusal {
  override readonly name = 'Conflict';
  readonly code = 'CONFLICT';
}

/** More than the service takes: operations on a socket, depth, tokens, sizes. */
export class LimitExceeded extends Refusal {
  override readonly name = 'LimitExceeded';
  readonly code = 'LIMIT_EXCEEDED';
}

/** Redis or the container engine does not answer; the same call may go through later. */
export class Unavailable extends Refusal {
  override readonly name = 'Unavailable';
  readonly code = 'UNAVAILABLE';
  constructor(message = 'The store does not answer at present. Try again in a moment.', cause?: unknown) {
    super(message, { cause });
  }
}
