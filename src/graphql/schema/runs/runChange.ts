/** RunChange, Subscription.runUpdated and Subscription.runsUpdated. */
import { PullIterator } from '../../../async/pullIterator.ts';
import { RunSource } from '../../../delivery/changes/runSource.ts';
import { type RunChange as Change, RunsSource } from '../../../delivery/changes/runsSource.ts';
import { openSource } from '../../../delivery/opening.ts';
import { requireRunId } from '../../../domain/ids.ts';
import { builder } from '../base/builder.ts';
import { RunFilterInput, toRunFilter } from './runFilterInput.ts';
import { Run } from './runType.ts';

const RunChangeKind = builder.enumType('RunChangeKind', {
  description: 'What happened to a run of a list.',
  values: {
    SYNCED: {
      description: `The subscription is active: every change from now on is reported. runId and run are null. It is sent again
if changes may have been missed: read the list again then.`,
    },
    CREATED: { description: 'A new run matches.' },
    UPDATED: { description: 'A run that matches has changed, or a changed run matches now.' },
    LEFT: { description: 'The run no longer matches the filter.' },
    DELETED: { description: 'The run was removed, with its log. run is null.' },
  } as const,
});

const RunChange = builder.objectRef<Change>('RunChange').implement({
  description: 'A change in a list of runs.',
  fields: (t) => ({
    kind: t.field({ type: RunChangeKind, resolve: ({ kind }) => kind, description: 'What happened.' }),
    runId: t.exposeID('runId', { nullable: true, description: 'Id of the run; null for SYNCED.' }),
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
    authScopes: { right: 'Subscription.runUpdated' },
    type: Run,
    args: { runId: t.arg.id({ required: true, description: 'Id of the run.' }) },
    subscribe: async (_root, args, context) => {
      const runId = requireRunId(args.runId);
      return new PullIterator(await openSource((signal) => RunSource.open(context.runs, context, runId, signal)));
    },
    resolve: (run, _args, { budget }) => {
      budget.renew();
      return run;
    },
    description: `The run as it is now, then again at each change; completes when its status is terminal. While only lines are
written (lines, bytes, lastSeq and durationMs change), at most once a second. A slow client gets the newest state,
not each state in between.`,
  }),
);

builder.subscriptionField('runsUpdated', (t) =>
  t.field({
    authScopes: { right: 'Subscription.runsUpdated' },
    type: RunChange,
    args: { filter: t.arg({ type: RunFilterInput, description: 'Which runs. Default: all.' }) },
    subscribe: async (_root, args, context) => {
      const filter = toRunFilter(args.filter);
      return new PullIterator(await openSource((signal) => RunsSource.open(context.runs, context, filter, signal)));
    },
    resolve: (change, _args, { budget }) => {
      budget.renew();
      return change;
    },
    description: `First SYNCED, then each matching run whenever it is created or changes. While only lines are written, at most
once a second per run.`,
  }),
);
