/** Structured records in place of plain lines: live, at a fixed rate, and replayed. */
import { recordFeed } from '../../feed/records.ts';
import type { Part } from '../part.ts';
import { FLOOD_NOTE } from './flood.ts';
import { RATE_NOTE } from './rate.ts';
import { REPLAY_NOTE } from './replay.ts';
import { floodRows, measured, rateRows, replayRows, type Variant } from './variants.ts';

/** What viewers select of a record. */
export const RECORD_FIELDS =
  '__typename seq timestamp ... on LogLine { level stream message logger fields exception { type message stack } }';

export const RECORDS: Variant = {
  name: 'records',
  feed: recordFeed,
  question: () => ({
    query: `subscription ($runId: ID!, $after: Int) {
      runLogBatches(runId: $runId, after: $after) { lastSeq events { ${RECORD_FIELDS} } } }`,
  }),
};

const FLOOD = `Viewers also select the logger, the fields and the exception of a record. ${FLOOD_NOTE}`;

export const structuredPart: Part = {
  name: 'structured',
  async run(bench) {
    const flood = await floodRows('content', [RECORDS], bench);
    const rate = await rateRows('content', [RECORDS], bench, true);
    const replay = await replayRows('content', [RECORDS], bench);
    return measured([
      { title: 'Structured records: as fast as the slowest viewer reads', note: FLOOD, rows: flood },
      { title: 'Structured records at a fixed rate: time from the append to the receipt', note: RATE_NOTE, rows: rate },
      { title: 'Structured records: replay to one viewer', note: REPLAY_NOTE, rows: replay },
    ]);
  },
};
