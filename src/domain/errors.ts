/** The catalogue of errors: the codes that clients can see, and one class per cause of a refusal. */
import { LIMITS } from './limits.ts';

/** All codes of `extensions.code`. PROTOCOL.md, section 7, says when each is used. */
export const ERROR_CODES = [
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'UNAVAILABLE',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_REQUEST',
  'INTERNAL_SERVER_ERROR',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export const isErrorCode = (code: unknown): code is ErrorCode => ERROR_CODES.some((known) => known === code);

/** An error whose message clients can see. `cause` is for the service's own log and is never sent. */
export abstract class Refusal extends Error {
  abstract readonly code: ErrorCode;
}

/** One thing that is wrong with what the caller gave. */
export interface InputProblem {
  /** Path of the argument, such as "input.env.0.name". */
  readonly argument: string;
  /** For a person, such as "env[0].name: …". It never repeats a value, which can be a secret. */
  readonly message: string;
}

/** A check of an input type's values (`extensions.problems`). Its problems are reported together with those of types. */
export type InputCheck = (value: unknown, path: string) => readonly InputProblem[];

/** Longer names are cut in messages, because clients choose them. */
const SHOWN_NAME_CHARACTERS = 40;

const shownStep = (step: string): string =>
  /^\d+$/.test(step)
    ? `[${step}]`
    : `.${step.length > SHOWN_NAME_CHARACTERS ? `${step.slice(0, SHOWN_NAME_CHARACTERS)}…` : step}`;

/** The path as people write it, without the leading `input` of mutations. */
const shownPath = (argument: string): string => {
  const steps = argument.split('.');
  const [root = '', ...rest] = steps[0] === 'input' && steps.length > 1 ? steps.slice(1) : steps;
  return [shownStep(root).replace(/^\./, ''), ...rest.map(shownStep)].join('');
};

/** @param text what is wrong, then what to do; without the argument's name, which is put before it */
export const inputProblem = (argument: string, text: string): InputProblem => ({
  argument,
  message: `${shownPath(argument)}: ${text}`,
});

/** Arguments are not valid; all problems are reported together. */
export class BadUserInput extends Refusal {
  override readonly name = 'BadUserInput';
  readonly code = 'BAD_USER_INPUT';
  readonly problems: readonly InputProblem[];

  /** One problem; see inputProblem. */
  constructor(argument: string, text: string);
  /** At least one problem. */
  constructor(problems: readonly InputProblem[]);
  constructor(given: string | readonly InputProblem[], text = '') {
    const problems = typeof given === 'string' ? [inputProblem(given, text)] : given;
    const more = problems.length - 1;
    super(`${problems[0]?.message}${more > 0 ? ` (and ${more} more: see extensions.problems)` : ''}`);
    this.problems = problems;
  }

  /** Path of the first problem. */
  get argument(): string {
    return this.problems[0]?.argument ?? '';
  }
}

/** @throws BadUserInput if there is a problem */
export const throwProblems = (problems: readonly InputProblem[]): void => {
  if (problems.length > 0) throw new BadUserInput(problems);
};

export const RUN_NOT_FOUND = 'Run not found. Check the id; the run can also have been removed.';

/** The run does not exist, or no longer. */
export class NotFound extends Refusal {
  override readonly name = 'NotFound';
  readonly code = 'NOT_FOUND';
  constructor(message = RUN_NOT_FOUND) {
    super(message);
  }
}

/** The current state does not allow the request: deleting an unfinished run, an idempotency key with another input. */
export class Conflict extends Refusal {
  override readonly name = 'Conflict';
  readonly code = 'CONFLICT';
}

/** The caller sent no token, or one that is not valid (any more). */
export class Unauthenticated extends Refusal {
  override readonly name: string = 'Unauthenticated';
  readonly code = 'UNAUTHENTICATED';
}

/** The Host or Origin of the request is not allowed. */
export class Forbidden extends Refusal {
  override readonly name = 'Forbidden';
  readonly code = 'FORBIDDEN';
}

/** A limit is reached: operations on a socket, depth, tokens, sizes. */
export class LimitExceeded extends Refusal {
  override readonly name: string = 'LimitExceeded';
  readonly code = 'LIMIT_EXCEEDED';
  /** After so many seconds the same call can succeed; null: time changes nothing. */
  readonly retryAfterSeconds: number | null = null;
}

/** The service is busy: the same call can succeed after `retryAfterSeconds`. */
export class Busy extends LimitExceeded {
  override readonly name = 'Busy';
  override readonly retryAfterSeconds: number = LIMITS.busySeconds;
}

/** A caller, an address or a tenant has used up its share. */
export class ShareUsedUp extends LimitExceeded {
  override readonly name = 'ShareUsedUp';
  override readonly retryAfterSeconds: number;
  readonly what: string;

  /** @param what what is wrong, a sentence without what to do */
  constructor(what: string, retryAfterSeconds: number) {
    super(`${what} Try again in ${retryAfterSeconds} s.`);
    this.what = what;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Redis or the container engine does not answer; the same call can succeed later. */
export class Unavailable extends Refusal {
  override readonly name = 'Unavailable';
  readonly code = 'UNAVAILABLE';
  constructor(message = 'The store does not answer. Try again in a moment.', cause?: unknown) {
    super(message, { cause });
  }
}

/** Why work for a client is given up: the reason of its AbortSignal. It is not a fault of the service, so it is not logged. */
export const CLIENT_LEFT = new Unavailable('The client has left.');
