/** Viewers with unusual selections, for which the service can do less work once for many lines or viewers. */
import type { Part } from '../part.ts';
import { FLOOD_NOTE } from './flood.ts';
import { RATE_NOTE } from './rate.ts';
import { floodRows, measured, rateRows, type Variant } from './variants.ts';

/**
 * Aliases, fragments, a directive, and the message under two names. The service writes many plain lines at once only if
 * the selection has the message once.
 */
const UNUSUAL = `subscription ($runId: ID!, $after: Int, $text: Boolean!) {
  log: runLogBatches(runId: $runId, after: $after) { position: lastSeq entries: events { ...Place ...Text } } }
fragment Place on RunEvent { kind: __typename id: seq at: timestamp attempt }
fragment Text on LogLine { severity: level source: stream text: message @include(if: $text) message truncated }`;

const USUAL = `subscription ($runId: ID!, $after: Int) {
  runLogBatches(runId: $runId, after: $after) {
    lastSeq events { __typename seq timestamp ... on LogLine { level stream message } } } }`;

export const SELECTIONS: readonly Variant[] = [
  {
    name: 'unusual',
    feed: (log) => log,
    question: () => ({ query: UNUSUAL, variables: { text: true }, copies: 2 }),
  },
  {
    // The documents differ, so no viewer shares its text with another one.
    name: 'own of each viewer',
    feed: (log) => log,
    question: (viewer) => ({ query: `# viewer ${viewer}\n${USUAL}` }),
  },
];

const NOTE =
  '"unusual" has aliases, fragments, a directive, and the message under two names, so plain lines are written one by one. ' +
  '"own of each viewer" has the usual fields, but each viewer sends another document, so no text is shared. The service ' +
  'compiles every selection of a log that its schema permits, so graphql-js executes none of these.';

export const selectionPart: Part = {
  name: 'selection',
  async run(bench) {
    const flood = await floodRows('selection', SELECTIONS, bench);
    const rate = await rateRows('selection', SELECTIONS, bench);
    return measured([
      { title: 'Unusual selections: as fast as the slowest viewer reads', note: `${NOTE} ${FLOOD_NOTE}`, rows: flood },
      { title: 'Unusual selections at a fixed rate: time from the append to the receipt', note: RATE_NOTE, rows: rate },
    ]);
  },
};
