/** LogBucket and Run.histogram. */
import { throwProblems } from '../../../domain/errors.ts';
import { between } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { type LogBucket as Bucket, histogramOf } from '../../../log/summary/histogram.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { Run } from '../runs/runType.ts';
import { LevelCount, levelCounts, summaryOf } from './logStats.ts';

const DEFAULT_BUCKETS = 60;

const LogBucket = builder.objectRef<Bucket>('LogBucket').implement({
  description: 'A part of the log. The parts follow each other without a gap in their seqs.',
  fields: (t) => ({
    fromSeq: t.exposeInt('fromSeq', { description: 'Its first event.' }),
    seq: t.exposeInt('seq', { description: 'Its last event.' }),
    from: t.expose('from', { type: 'DateTime', description: 'When it begins.' }),
    to: t.expose('to', { type: 'DateTime', description: 'When it ends.' }),
    levels: t.field({
      type: [LevelCount],
      resolve: ({ levels }) => levelCounts(levels),
      description: 'Its lines by level: one entry for each level, in rising order.',
    }),
  }),
});

builder.objectField(Run, 'histogram', (t) =>
  t.field({
    authScopes: { right: 'Run.histogram' },
    type: [LogBucket],
    args: {
      buckets: t.arg.int({ defaultValue: DEFAULT_BUCKETS, description: 'Maximum number of parts, 1 to 1000.' }),
    },
    resolve: async ({ id }, { buckets }, context) => {
      throwProblems(between('buckets', buckets, 1, LIMITS.histogramBuckets));
      const { index } = await summaryOf(id, true, context);
      return pacedList(histogramOf(index, buckets ?? DEFAULT_BUCKETS), context.budget);
    },
    description: `The log in at most this many parts of equal time, with counts by level. Parts without events are left out. Counts are
exact for the seqs of a part; an event near the border of two parts can be in either.`,
  }),
);
