/** Viewers with a filter that selects one line in ten: live, at a fixed rate, and replayed. */
import { recordFeed, SLOW_EVERY, SLOW_TEXT, slowLineFeed } from '../../feed/records.ts';
import type { Part } from '../part.ts';
import { RECORD_FIELDS } from './structured.ts';
import { floodRows, measured, rateRows, replayRows, type Variant } from './variants.ts';

const QUERY = `subscription ($runId: ID!, $after: Int, $filter: LogFilter) {
  runLogBatches(runId: $runId, after: $after, filter: $filter) { lastSeq events { ${RECORD_FIELDS} } } }`;

const filtered = (name: string, filter: object, feed: Variant['feed']): Variant => ({
  name,
  feed,
  question: () => ({ query: QUERY, variables: { filter }, every: SLOW_EVERY }),
});

const VARIANTS: readonly Variant[] = [
  filtered('records, minLevel', { minLevel: 'WARNING' }, recordFeed),
  filtered('records, contains', { contains: SLOW_TEXT }, recordFeed),
  filtered('lines, contains', { contains: SLOW_TEXT }, slowLineFeed),
];

export const filterPart: Part = {
  name: 'filter',
  async run(bench) {
    const flood = await floodRows('filter', VARIANTS, bench);
    const rate = await rateRows('filter', VARIANTS, bench);
    const replay = await replayRows('filter', VARIANTS, bench);
    return measured([
      { title: `A filter that selects 1 line in ${SLOW_EVERY}: as fast as the slowest viewer reads`, rows: flood },
      { title: 'The same at a fixed rate: time from append to receipt', rows: rate },
      { title: 'The same, replayed to one viewer', rows: replay },
    ]);
  },
};
