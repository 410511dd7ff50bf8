/** RunConnection and Query.runs: pages of runs, as the Relay cursor specification has them. A cursor is a run's id. */
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import { between, notBoth } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { RunSummary } from '../../../domain/run.ts';
import type { RunPage, RunPageRequest } from '../../../runs/records/runs.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { RunFilterInput, runFilterProblems, toRunFilter } from './runFilterInput.ts';
import { Run } from './runType.ts';

const DEFAULT_PAGE = 50;

const PageInfo = builder.objectRef<RunPage>('PageInfo').implement({
  description: 'Where a page is in the list.',
  fields: (t) => ({
    hasNextPage: t.boolean({
      resolve: (page) => page.hasNext(),
      description: `True if there are older runs than those of this page. True too if the page is short, or even empty, because its
filter matches few runs and ${LIMITS.pageRuns} runs were looked at: continue from endCursor.`,
    }),
    hasPreviousPage: t.boolean({
      resolve: (page) => page.hasPrevious(),
      description:
        'True if there are newer runs than those of this page. As with hasNextPage, continue from startCursor.',
    }),
    startCursor: t.string({
      nullable: true,
      resolve: (page) => page.start,
      description: 'Pass it as before to read newer runs. Null if no run was looked at.',
    }),
    endCursor: t.string({
      nullable: true,
      resolve: (page) => page.end,
      description: 'Pass it as after to read older runs. Null if no run was looked at.',
    }),
  }),
});

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
      resolve: (page, _args, { budget }) => pacedList(page.runs, budget),
      description: 'The runs, newest first.',
    }),
    pageInfo: t.field({ type: PageInfo, resolve: (page) => page, description: 'Where the page is in the list.' }),
  }),
});

/** An empty cursor means no cursor: Relay clients send it for the first page. */
const cursorOf = (cursor: string | null | undefined): RunId | null => (cursor ? parseRunId(cursor) : null);

const cursorProblems = (argument: string, cursor: string | null | undefined): readonly InputProblem[] =>
  cursor && parseRunId(cursor) === null
    ? [inputProblem(argument, 'The cursor is not valid. Use a cursor that RunEdge.cursor or PageInfo returned.')]
    : [];

builder.queryField('runs', (t) =>
  t.field({
    authScopes: { right: 'Query.runs' },
    type: RunConnection,
    nullable: true,
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
