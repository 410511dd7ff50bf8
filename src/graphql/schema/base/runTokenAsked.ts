/** Checks of what is asked for a run token. */
import type { Caller, Scope } from '../../../domain/caller.ts';
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { between } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { grantedScopes } from '../../../identity/policy.ts';

export const RUN_TOKEN_SECONDS = 900;

export interface RunTokenAsked {
  readonly scopes?: readonly Scope[] | null | undefined;
  /** Default: RUN_TOKEN_SECONDS. */
  readonly expiresInSeconds?: number | null | undefined;
}

export interface RunTokenGranted {
  readonly scopes: readonly Scope[];
  readonly expiresInSeconds: number;
}

/** A token that can do nothing is a mistake. */
export const scopesProblems = (argument: string, scopes: RunTokenAsked['scopes']): readonly InputProblem[] =>
  scopes?.length === 0 ? [inputProblem(argument, 'Must not be empty. Give at least one scope.')] : [];

/**
 * What the caller can have of it.
 * @param root path of the input that `asked` is, such as "input.", or ''
 * @param more problems that are found already
 * @throws Forbidden if the caller lacks a scope; BadUserInput
 */
export const grantRunToken = (
  caller: Caller,
  asked: RunTokenAsked,
  root = '',
  more: readonly InputProblem[] = [],
): RunTokenGranted => {
  const scopes = grantedScopes(caller, asked.scopes ?? null);
  const expiresInSeconds = asked.expiresInSeconds ?? RUN_TOKEN_SECONDS;
  const problems = between(`${root}expiresInSeconds`, expiresInSeconds, 1, LIMITS.runTokenSeconds);
  throwProblems([...more, ...scopesProblems(`${root}scopes`, asked.scopes), ...problems]);
  return { scopes, expiresInSeconds };
};
