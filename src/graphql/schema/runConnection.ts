/** Query.runs: pages of runs as Relay has them. The cursor is the run's id. */
import { type InputProblem, inputProblem, throwProblems } from '../../domain/errors.ts';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { between, notBoth } from '../../domain/inputChecks.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Label, RunStatus, RunSummary } from '../../domain/run.ts';
import type { RunFilter, RunPage, RunPageRequest } from '../../runs/records/runs.ts';
import { builder } from './builder.ts';
import { RunFilterInput } from './runInputs.ts';
import { Run } from './runType.ts';

const DEFAULT_PAGE = 50;

const PageInfo = builder.objectRef<RunPage>('PageInfo').implement({
  description: 'Where a page lies in the list.',
  fields: (t) => ({
    hasNextPage: t.boolean({
      resolve: (page) => page.hasNext(),
      description: `There are older runs than the last one here. True also on a page that is short, even empty, because a filter that
few runs match was looked for in ${LIMITS.pageRuns} of them: go on from endCursor.`,
    }),
    hasPreviousPage: t.boolean({
      resolve: (page) => page.hasPrevious(),
      description: 'There are newer runs than the first one here; the same holds for startCursor.',
    }),
    startCursor: t.string({
      nullable: true,
      resolve: (page) => page.start,
      description: 'Cursor of the first run here; null on an empty page.',
    }),
    endCursor: t.string({
      nullable: true,
      resolve: (page) => page.end,
      description: 'Cursor of the last run here; null on an empty page.',
    }),
  }),
});

const RunEdge = builder.objectRef<RunSummary>('RunEdge').implement({
  description: 'A run in a page.',
  fields: (t) => ({
    cursor: t.exposeString('id', { description: 'For after and before.' }),
    node: t.field({ type: Run, resolve: (run) => run, description: 'The run.' }),
  }),
});

const RunConnection = builder.objectRef<RunPage>('RunConnection').implement({
  description: 'A page of runs, newest first.',
  fields: (t) => ({
    edges: t.field({ type: [RunEdge], resolve: (page) => page.runs, description: 'The runs, newest first.' }),
    pageInfo: t.field({ type: PageInfo, resolve: (page) => page, description: 'Where the page lies.' }),
  }),
});

interface RunFilterGiven {
  readonly status?: readonly RunStatus[] | null | undefined;
  readonly labels?: readonly Label[] | null | undefined;
}

const runFilterProblems = (given: RunFilterGiven | null | undefined): readonly InputProblem[] => {
  const problems: InputProblem[] = [];
  if ((given?.status?.length ?? 0) > LIMITS.filterEntries) {
    problems.push(inputProblem('filter.status', `At most ${LIMITS.filterEntries} statuses.`));
  }
  if ((given?.labels?.length ?? 0) > LIMITS.labelCount) {
    problems.push(inputProblem('filter.labels', `At most ${LIMITS.labelCount} labels.`));
  }
  return problems;
};

/** As the API has it, to what the store takes, each status once. @throws BadUserInput: too many entries */
export const toRunFilter = (given: RunFilterGiven | null | undefined): RunFilter => {
  const { status, labels } = given ?? {};
  throwProblems(runFilterProblems(given));
  return { ...(status?.length ? { status: [...new Set(status)] } : {}), ...(labels?.length ? { labels } : {}) };
};

/** An empty cursor is none: Relay's clients send it for the first page. */
const cursorOf = (cursor: string | null | undefined): RunId | null => (cursor ? parseRunId(cursor) : null);

const cursorProblems = (argument: string, cursor: string | null | undefined): readonly InputProblem[] =>
  cursor && parseRunId(cursor) === null ? [inputProblem(argument, 'This is not the cursor of a run.')] : [];

builder.queryField('runs', (t) =>
  t.field({
    type: RunConnection,
    nullable: true,
    args: {
      first: t.arg.int({ description: 'So many of the newest, 1 to 500.' }),
      after: t.arg.string({ description: 'Older than the run with this cursor.' }),
      last: t.arg.int({ description: 'So many of the oldest, 1 to 500; not together with first.' }),
      before: t.arg.string({ description: 'Newer than the run with this cursor.' }),
      filter: t.arg({ type: RunFilterInput, description: 'Which runs; default: all.' }),
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
    description: 'Newest first. Relay cursor connection; 50 where neither first nor last is given, 500 at most.',
  }),
);
