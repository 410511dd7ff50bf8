/** Node and Query.node. */
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import type { RunSummary } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';

/** What an id leads to; null if the text is not a valid id or there is nothing with this id. */
export const byId = async <T>(id: string, load: (id: RunId) => Promise<T | null>): Promise<T | null> => {
  const runId = parseRunId(id);
  return runId === null ? null : await load(runId);
};

export const Node = builder.interfaceRef<RunSummary>('Node').implement({
  description: 'An object with a permanent id of its own. Events have none: (runId, seq) identifies them.',
  resolveType: () => 'Run',
  fields: (t) => ({ id: t.exposeID('id', { description: 'Permanent, and unique among all objects.' }) }),
});

builder.queryField('node', (t) =>
  t.field({
    authScopes: { right: 'Query.node' },
    type: Node,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: 'The id, as Node.id returns it.' }) },
    resolve: (_root, { id }, context) => byId(id, (runId) => context.loadRun(runId)),
    description: 'Any object by its id. Null if there is none.',
  }),
);
