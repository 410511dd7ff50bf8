/** Query.runs: pages of runs as Relay has them. The cursor is the run's id. */
import { BadUserInput } from '../domain/errors.ts';
import { parseRunId, type RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Label, RunRecord, RunStatus } from '../domain/run.ts';
import type { RunFilter, RunPage } from '../runs/runs.ts';
import { builder } from './builder.ts';
import { Run } from './run.ts';
import { RunFilterInput } from './runInputs.ts';

const DEFAULT_PAGE = 50;

const PageInfo = builder.objectRef<RunPage>('PageInfo').implement({
  description: 'Where a page lies in the list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNext', { description: 'There are older runs than the last one here.' }),
    hasPreviousPage: t.exposeBoolean('hasPrevious', { description: 'There are newer runs than the first one here.' }),
    startCursor: t.string({
      nullable: true,
      resolve: (page) => page.runs[0]?.id,
      description: 'Cursor of the first run here; null on an empty page.',
    }),
    endCursor: t.string({
      nullable: true,
      resolve: (page) => page.runs.at(-1)?.id,
      description: 'Cursor of the last run here; null on an empty page.',
    }),
  }),
});

const RunEdge = builder.objectRef<RunRecord>('RunEdge').implement({
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

/** As the API has it, to what the store takes. @throws BadUserInput: too many labels */
export const toRunFilter = (given: RunFilterGiven | null | undefined): RunFilter => {
  const { status, labels } = given ?? {};
  if (labels && labels.length > LIMITS.labelCount) {
    throw new BadUserInput('filter.labels', `At most ${LIMITS.labelCount} labels.`);
  }
  return { ...(status?.length ? { status } : {}), ...(labels?.length ? { labels } : {}) };
};

const checkCount = (argument: string, count: number | null | undefined): void => {
  if (count != null && (count < 1 || count > LIMITS.runsPage)) {
    throw new BadUserInput(argument, `Between 1 and ${LIMITS.runsPage}.`);
  }
};

const checkCursor = (argument: string, cursor: string | null | undefined): RunId | undefined => {
  if (cursor == null) return undefined;
  const runId = parseRunId(cursor);
  if (runId === null) throw new BadUserInput(argument, 'It is no cursor of a run.');
  return runId;
};

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
    resolve: (_root, { first, after, last, before, filter }, context) => {
      if (first != null && last != null) throw new BadUserInput('last', 'Give first or last, not both.');
      checkCount('first', first);
      checkCount('last', last);
      const afterId = checkCursor('after', after);
      const beforeId = checkCursor('before', before);
      context.takeRuns(last ?? first ?? DEFAULT_PAGE);
      return context.runs.page({
        ...(last == null ? { first: first ?? DEFAULT_PAGE } : { last }),
        ...(afterId === undefined ? {} : { after: afterId }),
        ...(beforeId === undefined ? {} : { before: beforeId }),
        filter: toRunFilter(filter),
      });
    },
    description: 'Newest first. Relay cursor connection; 50 where neither first nor last is given, 500 at most.',
  }),
);
