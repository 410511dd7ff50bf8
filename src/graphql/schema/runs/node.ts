/** Node and Query.node. */
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import type { RunSummary } from '../../../domain/run.ts';
import type { ApiToken } from '../../../identity/apiTokens.ts';
import { isAllowed } from '../../../identity/policy.ts';
import type { ApiContext } from '../../context/context.ts';
import { builder } from '../base/builder.ts';

/** What an id leads to; null if the text is not a valid id or there is nothing with this id. */
export const byId = async <T>(id: string, load: (id: RunId) => Promise<T | null>): Promise<T | null> => {
  const runId = parseRunId(id);
  return runId === null ? null : await load(runId);
};

export const Node = builder.interfaceRef<RunSummary | ApiToken>('Node').implement({
  description: 'An object with a permanent id of its own. Events have none: (runId, seq) identifies them.',
  resolveType: (node) => ('status' in node ? 'Run' : 'ApiToken'),
  fields: (t) => ({ id: t.exposeID('id', { description: 'Permanent, and unique among all objects.' }) }),
});

/** Runs and API tokens have ids of one kind. Who cannot list the tokens finds none. */
const load = async (id: RunId, context: ApiContext): Promise<RunSummary | ApiToken | null> => {
  const run = await context.loadRun(id);
  if (run !== null || !isAllowed(context.caller, 'Query.apiTokens')) return run;
  return await context.tokens.getApiToken(id);
};

builder.queryField('node', (t) =>
  t.field({
    authScopes: { right: 'Query.node' },
    type: Node,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: 'The id, as Node.id returns it.' }) },
    resolve: (_root, { id }, context) => byId(id, (nodeId) => load(nodeId, context)),
    description: 'Any object by its id: a run, or for admins an API token. Null if there is none.',
  }),
);
