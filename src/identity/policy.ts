/** What each root field and each path needs: the one table of rights. A test compares it with the schema. Pure. */
import { type Caller, hasScope, type Scope } from '../domain/caller.ts';
import { Forbidden } from '../domain/errors.ts';

/** A scope; or `caller`: every caller that is authenticated. */
export type Right = Scope | 'caller';

/**
 * By `Type.field` of the schema's root fields and of fields that need more than their object does, and by path. A payload
 * shows the run of its mutation to every caller of the mutation.
 */
export const RIGHTS = {
  'Query.node': 'runs:read',
  'Query.run': 'runs:read',
  'Query.runs': 'runs:read',
  'Query.viewer': 'caller',
  'Query.apiTokens': 'admin',
  'Mutation.startRun': 'runs:start',
  'Mutation.retryRun': 'runs:start',
  'Mutation.cancelRun': 'runs:cancel',
  'Mutation.deleteRun': 'runs:delete',
  'Mutation.createRunToken': 'caller',
  'Mutation.createApiToken': 'admin',
  'Mutation.revokeApiToken': 'admin',
  'Subscription.runLogs': 'logs:read',
  'Subscription.runLogBatches': 'logs:read',
  'Subscription.runLogSearch': 'logs:read',
  'Subscription.logs': 'logs:read',
  'Subscription.runUpdated': 'runs:read',
  'Subscription.runsUpdated': 'runs:read',
  'Run.retryOf': 'runs:read',
  'FollowedLogs.run': 'runs:read',
  // What the command wrote.
  'Run.logs': 'logs:read',
  'Run.search': 'logs:read',
  'Run.logUrl': 'logs:read',
  'Run.logStats': 'logs:read',
  'Run.outline': 'logs:read',
  'Run.seqAt': 'logs:read',
  'Run.histogram': 'logs:read',
  'Run.output': 'logs:read',
  'Run.progress': 'logs:read',
  'GET /runs/:id/log.txt': 'logs:read',
  'GET /runs/:id/log.ndjson': 'logs:read',
  'GET /metrics': 'admin',
} as const satisfies Readonly<Record<string, Right>>;

export type Guarded = keyof typeof RIGHTS;

/** What a token for given runs cannot do, whatever its scopes are: it would reach beyond its runs. */
const BEYOND_RUNS: ReadonlySet<Guarded> = new Set([
  'Query.apiTokens',
  'Mutation.startRun',
  'Mutation.retryRun',
  'Mutation.createApiToken',
  'Mutation.revokeApiToken',
  'GET /metrics',
] satisfies Guarded[]);

/** Whether the name is that of a row. */
export const isGuarded = (name: string): name is Guarded => Object.hasOwn(RIGHTS, name);

export const isAllowed = (caller: Caller, guarded: Guarded): boolean => {
  if (caller.runs !== null && BEYOND_RUNS.has(guarded)) return false;
  const right: Right = RIGHTS[guarded];
  return right === 'caller' || hasScope(caller, right);
};

/** The error for a caller that lacks the scope. It says nothing about what exists. */
export const missingScope = (scope: Scope): Forbidden =>
  new Forbidden(`Your token lacks the scope ${scope} (${scopeName(scope)}). Ask for a token that has it.`);

/** The error for a caller that is not allowed. */
export const refusalOf = (caller: Caller, guarded: Guarded): Forbidden => {
  const right: Right = RIGHTS[guarded];
  return right === 'caller' || hasScope(caller, right)
    ? new Forbidden('A run token cannot do this: it is for given runs. Use an API token.')
    : missingScope(right);
};

/** The scope as the API's enum has it. */
export const scopeName = (scope: Scope): string => scope.toUpperCase().replace(':', '_');

/** What a run token can do unless its maker says otherwise: read its runs and their logs. */
const RUN_TOKEN_SCOPES: readonly Scope[] = ['runs:read', 'logs:read'];

/**
 * The scopes of a token that the caller makes: those that are asked for, each once; by default those for reading, as far as
 * the caller has them. @throws Forbidden if the caller lacks one that is asked for
 */
export const grantedScopes = (caller: Caller, asked: readonly Scope[] | null): readonly Scope[] => {
  const missing = asked?.find((scope) => !hasScope(caller, scope));
  if (missing !== undefined) throw missingScope(missing);
  return [...new Set(asked ?? RUN_TOKEN_SCOPES.filter((scope) => hasScope(caller, scope)))];
};
