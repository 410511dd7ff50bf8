/** LogHits and Run.search: pages of hits. */
import { throwProblems } from '../../../domain/errors.ts';
import type { Seq } from '../../../domain/events.ts';
import { between, notBoth, notNegative } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { queryProblems } from '../../../domain/logQuery.ts';
import { searchPage } from '../../../search/searchPage.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { ITEMS, pageCost } from '../base/pageCost.ts';
import { Run } from '../runs/runType.ts';
import { withContext } from './hitContext.ts';
import { type HitSource, LogHit } from './logHit.ts';
import { LogQueryInput } from './logQueryInput.ts';

const DEFAULT_HITS = 100;
const BEYOND_ALL = 2 ** 31;

interface HitPage {
  readonly hits: readonly HitSource[];
  readonly scannedFrom: Seq;
  readonly scannedTo: Seq;
  readonly done: boolean;
}

const LogHits = builder.objectRef<HitPage>('LogHits').implement({
  description: `A page of hits. It can be short or empty, because a request searches for 5 seconds at most: go on from scannedTo until
done.`,
  fields: (t) => ({
    hits: t.field({
      type: [LogHit],
      complexity: ITEMS,
      resolve: ({ hits }, _args, { budget }) => pacedList(hits, budget),
      description: 'In seq order, in both directions.',
    }),
    scannedFrom: t.exposeInt('scannedFrom', {
      description: 'The seq at which the search began: reading backward it is greater than scannedTo.',
    }),
    scannedTo: t.exposeInt('scannedTo', {
      description: 'The last seq that was looked at. To go on, pass it as after; reading backward, as before.',
    }),
    done: t.exposeBoolean('done', {
      description: 'True if nothing is left to be searched at present. A run that goes on can get more lines.',
    }),
  }),
});

builder.objectField(Run, 'search', (t) =>
  t.field({
    authScopes: { right: 'Run.search' },
    type: LogHits,
    nullable: true,
    complexity: pageCost(DEFAULT_HITS, LIMITS.searchHits),
    args: {
      query: t.arg({ type: LogQueryInput, required: true, description: 'Which lines.' }),
      first: t.arg.int({ description: 'Maximum number of hits, reading forward: 1 to 1000. Default: 100.' }),
      after: t.arg.int({ description: 'Only lines after this seq.' }),
      last: t.arg.int({
        description: 'Maximum number of hits, reading backward: 1 to 1000. Not together with first.',
      }),
      before: t.arg.int({ description: 'Only lines before this seq.' }),
      context: t.arg.int({ defaultValue: 0, description: 'Events before and after each hit: at most 50.' }),
    },
    resolve: async (run, { query, first, after, last, before, context }, api) => {
      throwProblems([
        ...notBoth(first, last),
        ...between('first', first, 1, LIMITS.searchHits),
        ...between('last', last, 1, LIMITS.searchHits),
        ...between('context', context, 0, LIMITS.searchContext),
        ...notNegative('after', after),
        ...notNegative('before', before),
        ...queryProblems(query, 'query'),
      ]);
      const { searches, reader, client, budget } = api;
      await searches.check(query);
      const { id: runId } = run;
      const isBackward = last != null;
      const request = { runId, query, isBackward, after: after ?? 0, before: before ?? BEYOND_ALL };
      const caller = client.caller ?? client.address;
      const parts = { searches, reader, caller, budget: budget.search, signal: budget.signal };
      const page = await searchPage(parts, request, last ?? first ?? DEFAULT_HITS);
      if (page.hits.length === 0) return { ...page, hits: [] };
      const hits = await budget.log.inTurn(() =>
        withContext(reader, { runId, hits: page.hits, context: context ?? 0, isBackward }, budget.log),
      );
      if (hits.length === page.hits.length) return { ...page, hits };
      const end = isBackward ? hits[0] : hits.at(-1);
      return { ...page, hits, scannedTo: end?.event.event.seq ?? page.scannedTo, done: false };
    },
    description: `Lines of the log that match, in seq order. first and after search forward (the default: first 100), last and before
backward, so first: 1 after a seq is the next hit, and last: 1 before it the previous one. Searches of one caller take
turns.`,
  }),
);
