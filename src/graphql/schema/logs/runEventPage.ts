/** RunEventPage and Run.logs: pages of stored events. */
import { throwProblems } from '../../../domain/errors.ts';
import { filterProblems, logFilter } from '../../../domain/filter.ts';
import { between, notBoth, notNegative } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { openGroupsAt } from '../../../log/summary/outline.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { ITEMS, pageCost } from '../base/pageCost.ts';
import { RunEventRef } from '../events/runEvent.ts';
import { Run } from '../runs/runType.ts';
import { LogFilterInput } from './logFilterInput.ts';
import { summaryOf } from './logStats.ts';
import { type EventPage, type PageRequest, readEventPage } from './readEventPage.ts';
import { LogGroup } from './runOutline.ts';

const DEFAULT_PAGE = 100;

const RunEventPage = builder.objectRef<EventPage>('RunEventPage').implement({
  description: 'A page of stored events.',
  fields: (t) => ({
    events: t.field({
      type: [RunEventRef],
      complexity: ITEMS,
      resolve: (page, _args, { budget }) => pacedList(page.events, budget),
      description: 'In seq order.',
    }),
    startSeq: t.exposeInt('startSeq', {
      nullable: true,
      description: `First seq that was looked at, filtered-out events included (of a LinesDropped at the start: its fromSeq). Null if
there was nothing. To read further back, pass it as before.`,
    }),
    endSeq: t.exposeInt('endSeq', {
      nullable: true,
      description:
        'Last seq that was looked at, filtered-out events included. Null if there was nothing. To read on, pass it as after.',
    }),
    openGroups: t.field({
      type: [LogGroup],
      resolve: async ({ runId, startSeq }, _args, context) => {
        if (startSeq === null) return [];
        const { index } = await summaryOf(runId, true, context);
        return [...openGroupsAt(index, startSeq)];
      },
      description: 'Groups that are open at startSeq, outermost first.',
    }),
    hasPrevious: t.exposeBoolean('hasPrevious', {
      description: 'True if there are events before startSeq, whatever `after` was.',
    }),
    hasNext: t.exposeBoolean('hasNext', {
      description: 'True if there are events after endSeq at the time of reading, whatever `before` was.',
    }),
  }),
});

builder.objectField(Run, 'logs', (t) =>
  t.field({
    authScopes: { right: 'Run.logs' },
    type: RunEventPage,
    nullable: true,
    complexity: pageCost(DEFAULT_PAGE, LIMITS.pageEvents),
    args: {
      first: t.arg.int({ description: 'Maximum number of events, reading forward: at most 5000. Default: 100.' }),
      after: t.arg.int({ description: 'Only events after this seq.' }),
      last: t.arg.int({
        description: 'Maximum number of events, reading backward: at most 5000. Not together with first.',
      }),
      before: t.arg.int({ description: 'Only events before this seq.' }),
      filter: t.arg({ type: LogFilterInput, description: 'Which events. Default: all.' }),
    },
    resolve: (run, { first, after, last, before, filter }, { reader, budget: { log } }) => {
      throwProblems([
        ...notBoth(first, last),
        ...between('first', first, 0, LIMITS.pageEvents),
        ...between('last', last, 0, LIMITS.pageEvents),
        ...notNegative('after', after),
        ...notNegative('before', before),
        ...filterProblems(filter, 'filter'),
      ]);
      const request: PageRequest = {
        runId: run.id,
        direction: last == null ? 'forward' : 'backward',
        count: last ?? first ?? DEFAULT_PAGE,
        after: after ?? 0,
        before: before ?? Number.MAX_SAFE_INTEGER,
        filter: logFilter(filter, 'filter'),
      };
      return log.inTurn(() => readEventPage(reader, request, log));
    },
    description: `A page of the run's events, in seq order. first and after read forward (the default: first 100), last and before read
backward. first and last are maximums, 5000 at most. A filter can make a page short or empty while hasNext is true:
continue from endSeq. Pages of very long lines can be short too. first together with last is BAD_USER_INPUT.`,
  }),
);
