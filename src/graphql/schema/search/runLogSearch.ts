/** LogSearchProgress and Subscription.runLogSearch: hits as they are found. */
import { PullIterator } from '../../../async/pullIterator.ts';
import { whenAnswered } from '../../../delivery/changes/runState.ts';
import { openSource } from '../../../delivery/opening.ts';
import { BadUserInput, NotFound, throwProblems } from '../../../domain/errors.ts';
import { requireRunId } from '../../../domain/ids.ts';
import { between, notNegative } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { queryProblems } from '../../../domain/logQuery.ts';
import { type SearchProgress, SearchSource } from '../../../search/searchSource.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { hitSource, LogHit } from './logHit.ts';
import { LogQueryInput } from './logQueryInput.ts';

const DEFAULT_LIMIT = 1000;

const LogSearchProgress = builder.objectRef<SearchProgress>('LogSearchProgress').implement({
  description: 'What a search has found since its last message.',
  fields: (t) => ({
    hits: t.field({
      type: [LogHit],
      resolve: ({ runId, hits }, _args, { budget }) =>
        pacedList(
          hits.map((hit) => hitSource(runId, hit)),
          budget,
        ),
      description: 'New hits, in seq order; empty if only the position has advanced.',
    }),
    found: t.exposeInt('found', { description: 'Hits so far, with these.' }),
    scannedTo: t.exposeInt('scannedTo', {
      description: 'The last seq that was looked at. To resume, pass it as after.',
    }),
    done: t.exposeBoolean('done', {
      description:
        'True if nothing is left to be searched. If the last message says false, limit was reached: go on from scannedTo.',
    }),
  }),
});

builder.subscriptionField('runLogSearch', (t) =>
  t.field({
    authScopes: { right: 'Subscription.runLogSearch' },
    type: LogSearchProgress,
    args: {
      runId: t.arg.id({ required: true, description: 'Id of the run.' }),
      query: t.arg({ type: LogQueryInput, required: true, description: 'Which lines.' }),
      after: t.arg.int({
        description: 'Only lines after this seq. Beyond the end of a finished run it is BAD_USER_INPUT.',
      }),
      limit: t.arg.int({
        defaultValue: DEFAULT_LIMIT,
        description: 'The search completes after so many hits: 1 to 1000.',
      }),
      live: t.arg.boolean({ defaultValue: false, description: 'Go on with lines that come later, to RunFinished.' }),
    },
    subscribe: async (_root, { runId: given, query, after: asked, limit, live }, context) => {
      const after = asked ?? 0;
      throwProblems([
        ...notNegative('after', after),
        ...between('limit', limit, 1, LIMITS.searchHits),
        ...queryProblems(query, 'query'),
      ]);
      const runId = requireRunId(given);
      const { searches, reader, hub, runs, client } = context;
      await searches.check(query);
      const source = await openSource(async (signal) => {
        const run = await whenAnswered(() => runs.get(runId, signal), signal);
        if (run === null) throw new NotFound();
        if (run.closed && after > run.lastSeq) {
          throw new BadUserInput(
            'after',
            `The run has ended, and its last seq is ${run.lastSeq}. Use a value of at most ${run.lastSeq}.`,
          );
        }
        return new SearchSource({
          ...{ searches, reader, hub, caller: client.caller ?? client.address },
          ...{ request: { runId, query, after }, limit: limit ?? DEFAULT_LIMIT, isLive: live ?? false },
        });
      });
      return new PullIterator(source);
    },
    resolve: (progress, _args, { budget }) => {
      budget.renew();
      return progress;
    },
    description: `Lines of the log that match, as they are found: history first, then live lines where asked. While history is searched,
a message tells the position at least once a second. Completes when all is searched, after limit hits, or after
RunFinished. A slow client slows down only its own search.`,
  }),
);
