/** Viewers with a filter that selects one line in ten: live, at a fixed rate, and replayed. */
import { recordFeed, SLOW_EVERY, SLOW_TEXT, slowLineFeed } from '../../feed/records.ts';
import type { Part } from '../part.ts';
import { FLOOD_NOTE } from './flood.ts';
import { RATE_NOTE } from './rate.ts';
import { REPLAY_NOTE } from './replay.ts';
import { RECORD_FIELDS } from './structured.ts';
import { floodRows, measured, rateRows, replayRows, type Variant } from './variants.ts';

const QUERY = `subscription ($runId: ID!, $after: Int, $filter: LogFilter) {
  runLogBatches(runId: $runId, after: $after, filter: $filter) { lastSeq events { ${RECORD_FIELDS} } } }`;

const filtered = (name: string, filter: object, feed: Variant['feed']): Variant => ({
  name,
  feed,
  question: () => ({ query: QUERY, variables: { filter }, every: SLOW_EVERY }),
});

export const FILTERS: readonly Variant[] = [
  filtered('records: minLevel, contains', { minLevel: 'WARNING', contains: SLOW_TEXT }, recordFeed),
  filtered('lines: contains', { contains: SLOW_TEXT }, slowLineFeed),
];

const NOTE =
  '"lines filtered" are all lines that the filter looked at, for all viewers together; other figures per line are about ' +
  'the lines that it selected, which were delivered.';

export const filterPart: Part = {
  name: 'filter',
  async run(bench) {
    const flood = await floodRows('filter', FILTERS, bench);
    const rate = await rateRows('filter', FILTERS, bench);
    const replay = await replayRows('filter', FILTERS, bench);
    return measured([
      {
        title: `Filters that select 1 line in ${SLOW_EVERY}: as fast as the slowest viewer reads`,
        note: `${NOTE} ${FLOOD_NOTE}`,
        rows: flood,
      },
      { title: 'Filters at a fixed rate: time from the append to the receipt', note: RATE_NOTE, rows: rate },
      { title: 'Filters: replay to one viewer', note: `${NOTE} ${REPLAY_NOTE}`, rows: replay },
    ]);
  },
};
