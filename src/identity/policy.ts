/** What each root field and each path needs: the one table of rights. A test compares it with the schema. Pure. */
import { type Caller, hasScope, type Scope } from '../domain/caller.ts';
import { Forbidden } from '../domain/errors.ts';

/** A scope; or `caller`: every caller that is authenticated. */
export type Right = Scope | 'caller';

/** By `Type.field` of the schema's root fields and of fields that need more than their object does, and by path. */
export const RIGHTS = {
  'Query.node': 'caller',
  'Query.nodes': 'caller',
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
  'Subscription.runUpdated': 'runs:read',
  'Subscription.runsUpdated': 'runs:read',
  'Run.logs': 'logs:read',
  'Run.output': 'logs:read',
  'Run.input': 'runs:read',
  'GET /runs/:id/log.txt': 'logs:read',
  'GET /runs/:id/log.ndjson': 'logs:read',
  'GET /metrics': 'admin',
} as const satisfies Readonly<Record<string, Right>>;

export type Guarded = keyof typeof RIGHTS;

export const isAllowed = (caller: Caller, guarded: Guarded): boolean => {
  const right: Right = RIGHTS[guarded];
  return right === 'caller' || hasScope(caller, right);
};

/** @throws Forbidden, which names the missing scope */
export const assertAllowed = (caller: Caller, guarded: Guarded): void => {
  if (isAllowed(caller, guarded)) return;
  throw new Forbidden(`Your token lacks the scope ${RIGHTS[guarded]}. Ask for a token that has it.`);
};
