/** Subscription.runUpdated and runsUpdated. */

import { PullIterator } from '../../async/pullIterator.ts';
import { type RunChange as Change, RunSource, RunsSource } from '../../delivery/changeSources.ts';
import { openSource } from '../../delivery/opening.ts';
import { builder } from './builder.ts';
import { requireRunId } from './mutations.ts';
import { toRunFilter } from './runConnection.ts';
import { RunFilterInput } from './runInputs.ts';
import { Run } from './runType.ts';

const RunChangeKind = builder.enumType('RunChangeKind', {
  description: 'What happened to a run in a list.',
  values: {
    SYNCED: {
      description: `The subscription is in place: what changes from here on is told. runId and run are null. It comes
again where changes may have been missed: read the list anew then.`,
    },
    CREATED: { description: 'There is a new run, and it matches.' },
    UPDATED: { description: 'A run that matches has changed, or has come to match.' },
    LEFT: { description: 'It no longer matches the filter.' },
    DELETED: { description: 'It was removed, with its log. run is null.' },
  } as const,
});

const RunChange = builder.objectRef<Change>('RunChange').implement({
  description: 'A change in a list of runs.',
  fields: (t) => ({
    kind: t.field({ type: RunChangeKind, resolve: ({ kind }) => kind, description: 'What happened.' }),
    runId: t.exposeID('runId', { nullable: true, description: 'The run; null for SYNCED.' }),
    run: t.field({
      type: Run,
      nullable: true,
      resolve: ({ run }) => run,
      description: 'The run as it is now; null for SYNCED and DELETED.',
    }),
  }),
});

builder.subscriptionField('runUpdated', (t) =>
  t.field({
    type: Run,
    args: { runId: t.arg.id({ required: true, description: 'The run.' }) },
    subscribe: async (_root, args, { runs, updates }) => {
      const runId = requireRunId(args.runId);
      return new PullIterator(await openSource((signal) => RunSource.open(runs, updates, runId, signal)));
    },
    resolve: (run, _args, { budget }) => {
      budget.renew();
      return run;
    },
    description: `The run now, then again at each change; completes when it is terminal. While only lines are written
(lines, bytes, lastSeq, durationMs) that is once a second at most. A slow client gets the newest
state, not each one in between.`,
  }),
);

builder.subscriptionField('runsUpdated', (t) =>
  t.field({
    type: RunChange,
    args: { filter: t.arg({ type: RunFilterInput, description: 'Which runs; default: all.' }) },
    subscribe: async (_root, args, { runs, updates }) => {
      const filter = toRunFilter(args.filter);
      return new PullIterator(await openSource((signal) => RunsSource.open(runs, updates, filter, signal)));
    },
    resolve: (change, _args, { budget }) => {
      budget.renew();
      return change;
    },
    description: `First SYNCED, then each run that matches whenever it is created or changes; while only lines are
written, once a second per run at most.`,
  }),
);
