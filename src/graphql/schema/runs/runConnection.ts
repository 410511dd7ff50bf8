/** RunConnection and Query.runs: pages of runs, as the Relay cursor specification has them. A cursor is a run's id. */
import { throwProblems } from '../../../domain/errors.ts';
import { between, notBoth } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { RunSummary } from '../../../domain/run.ts';
import type { RunPage, RunPageRequest } from '../../../runs/records/runs.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { ITEMS, pageCost } from '../base/pageCost.ts';
import { cursorOf, cursorProblems, PageInfo } from '../base/pageInfo.ts';
import { RunFilterInput, runFilterProblems, toRunFilter } from './runFilterInput.ts';
import { Run } from './runType.ts';

const DEFAULT_PAGE = 50;

const RunEdge = builder.objectRef<RunSummary>('RunEdge').implement({
  description: 'A run of a page.',
  fields: (t) => ({
    cursor: t.exposeString('id', { description: 'Cursor of this run, for after and before.' }),
    node: t.field({ type: Run, resolve: (run) => run, description: 'The run.' }),
  }),
});

const RunConnection = builder.objectRef<RunPage>('RunConnection').implement({
  description: 'A page of runs, newest first.',
  fields: (t) => ({
    edges: t.field({
      type: [RunEdge],
      complexity: ITEMS,
      resolve: (page, _args, { budget }) => pacedList(page.runs, budget),
      description: 'The runs, newest first.',
    }),
    pageInfo: t.field({ type: PageInfo, resolve: (page) => page, description: 'Where the page is in the list.' }),
  }),
});

builder.queryField('runs', (t) =>
  t.field({
    authScopes: { right: 'Query.runs' },
    type: RunConnection,
    nullable: true,
    complexity: pageCost(DEFAULT_PAGE, LIMITS.runsPage),
    args: {
      first: t.arg.int({ description: 'Return at most this many runs, the newest first, 1 to 500.' }),
      after: t.arg.string({ description: 'Only runs older than the run with this cursor.' }),
      last: t.arg.int({
        description: 'Return at most this many of the oldest runs, 1 to 500. Not together with first.',
      }),
      before: t.arg.string({ description: 'Only runs newer than the run with this cursor.' }),
      filter: t.arg({ type: RunFilterInput, description: 'Which runs. Default: all.' }),
    },
    resolve: async (_root, { first, after, last, before, filter }, { runs, budget }) => {
      throwProblems([
        ...notBoth(first, last),
        ...between('first', first, 1, LIMITS.runsPage),
        ...between('last', last, 1, LIMITS.runsPage),
        ...cursorProblems('after', after),
        ...cursorProblems('before', before),
        ...runFilterProblems(filter),
      ]);
      const afterId = cursorOf(after);
      const beforeId = cursorOf(before);
      const request: RunPageRequest = {
        ...(last == null ? { first: first ?? DEFAULT_PAGE } : { last }),
        ...(afterId === null ? {} : { after: afterId }),
        ...(beforeId === null ? {} : { before: beforeId }),
        filter: toRunFilter(filter),
      };
      await budget.takeRuns(last ?? first ?? DEFAULT_PAGE);
      return await runs.page(request, budget.scan);
    },
    description:
      'Runs, newest first, as a Relay cursor connection. 50 runs if neither first nor last is given, 500 at most.',
  }),
);
