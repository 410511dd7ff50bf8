/** Viewers that select other than everybody does: what the service prepares for the usual selection does not help them. */
import type { Part } from '../part.ts';
import { floodRows, measured, rateRows, type Variant } from './variants.ts';

/**
 * Aliases, fragments, a directive, and the message under two names. The service compiles every selection of a log that
 * its schema permits, but it writes plain lines many at once only where each has its message once.
 */
const UNUSUAL = `subscription ($runId: ID!, $after: Int, $text: Boolean!) {
  log: runLogBatches(runId: $runId, after: $after) { position: lastSeq entries: events { ...Place ...Text } } }
fragment Place on RunEvent { kind: __typename id: seq at: timestamp attempt }
fragment Text on LogLine { severity: level source: stream text: message @include(if: $text) message truncated }`;

const USUAL = `subscription ($runId: ID!, $after: Int) {
  runLogBatches(runId: $runId, after: $after) {
    lastSeq events { __typename seq timestamp ... on LogLine { level stream message } } } }`;

const VARIANTS: readonly Variant[] = [
  {
    name: 'unusual',
    feed: (log) => log,
    question: () => ({ query: UNUSUAL, variables: { text: true }, copies: 2 }),
  },
  {
    // No viewer shares its text with another: to the service their documents differ.
    name: 'own of each viewer',
    feed: (log) => log,
    question: (viewer) => ({ query: `# viewer ${viewer}\n${USUAL}` }),
  },
];

export const selectionPart: Part = {
  name: 'selection',
  async run(bench) {
    const flood = await floodRows('selection', VARIANTS, bench);
    const rate = await rateRows('selection', VARIANTS, bench);
    return measured([
      { title: 'Unusual selections: as fast as the slowest viewer reads', rows: flood },
      { title: 'Unusual selections at a fixed rate: time from append to receipt', rows: rate },
    ]);
  },
};
