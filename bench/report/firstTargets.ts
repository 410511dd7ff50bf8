/**
 * Targets that were set from the first measurement of the parts `structured`, `filter`, `selection` and `parse`, with a
 * margin of about half, on a quiet machine. They only show a regression.
 */
import type { Row } from '../parts/part.ts';
import { REPLAY_LINES } from '../parts/viewers/variants.ts';
import { FIRST, type Measured, runloom, type Target, where } from './target.ts';

/** CPU per line of a row with 20 viewers, as a multiple of that of D in a flood of plain lines. */
const inPlainLines =
  (part: string, match: Row, name = 'cpuMicrosPerLine'): Measured =>
  (results) =>
    where(part, { ...match, viewers: 20 }, name)(results) / runloom('flood', 20, 'cpuMicrosPerLine')(results);

/** CPU per line of a replay to one viewer. */
const inReplay = (part: string, match: Row, name = 'cpuMicrosPerLine'): Measured =>
  where(part, { ...match, lines: REPLAY_LINES }, name);

const RECORDS = { content: 'records' };
const RECORD_FILTER = { filter: 'records: minLevel, contains' };
const LINE_FILTER = { filter: 'lines: contains' };
const FILTERED = 'cpuMicrosPerLineFiltered';

type First = Pick<Target, 'figure' | 'parts' | 'target' | 'measured'>;

const AT_MOST: readonly First[] = [
  {
    figure: 'records, 20 viewers: CPU per record / per plain line of D',
    parts: ['structured', 'flood'],
    target: 9,
    measured: inPlainLines('structured', RECORDS),
  },
  {
    figure: 'records, 100 viewers, 2,500/s: p50 from the append, ms',
    parts: ['structured'],
    target: 6,
    measured: where('structured', RECORDS, 'p50Ms'),
  },
  {
    figure: 'records, replay, 1 viewer: CPU per record, µs',
    parts: ['structured'],
    target: 18,
    measured: inReplay('structured', RECORDS),
  },
  {
    figure: 'filter on records, 20 viewers: CPU per filtered record / per plain line of D',
    parts: ['filter', 'flood'],
    target: 5,
    measured: inPlainLines('filter', RECORD_FILTER, FILTERED),
  },
  {
    figure: 'filter on lines, 20 viewers: CPU per filtered line / per plain line of D',
    parts: ['filter', 'flood'],
    target: 1.7,
    measured: inPlainLines('filter', LINE_FILTER, FILTERED),
  },
  {
    figure: 'filter on records, replay, 1 viewer: CPU per filtered record, µs',
    parts: ['filter'],
    target: 16,
    measured: inReplay('filter', RECORD_FILTER, FILTERED),
  },
  {
    figure: 'filter on lines, replay, 1 viewer: CPU per filtered line, µs',
    parts: ['filter'],
    target: 6,
    measured: inReplay('filter', LINE_FILTER, FILTERED),
  },
  {
    figure: 'unusual selection, 20 viewers: CPU per line / per plain line of D',
    parts: ['selection', 'flood'],
    target: 3.5,
    measured: inPlainLines('selection', { selection: 'unusual' }),
  },
  {
    figure: 'own selection of each of 20 viewers: CPU per line / per plain line of D',
    parts: ['selection', 'flood'],
    target: 11,
    measured: inPlainLines('selection', { selection: 'own of each viewer' }),
  },
  {
    figure: 'one executor, records: CPU per record, µs',
    parts: ['parse'],
    target: 28,
    measured: where('parse', RECORDS, 'executorCpuMicrosPerLine'),
  },
];

const AT_LEAST: readonly First[] = [
  {
    figure: 'one executor, records: records/s',
    parts: ['parse'],
    target: 44_000,
    measured: where('parse', RECORDS, 'linesPerSecond'),
  },
];

export const FIRST_TARGETS: readonly Target[] = [
  ...AT_MOST.map((first): Target => ({ ...first, bound: 'at most', source: FIRST })),
  ...AT_LEAST.map((first): Target => ({ ...first, bound: 'at least', source: FIRST })),
];
