/** What is known of the hits of a search. Pure. */
import { formatNumber } from '../../look/humanText.ts';
import { LIMIT, type SearchHit, type SearchProgress } from './runSearches.ts';

export interface HitList {
  /** In seq order, from the start of the log. */
  readonly hits: readonly SearchHit[];
  /** Every hit up to here is in `hits`. */
  readonly scannedTo: number;
  /** `found`: everything is searched; live hits can follow. `stopped`: there are more than LIMIT. */
  readonly state: 'searching' | 'found' | 'stopped';
}
export const NO_HITS: HitList = { hits: [], scannedTo: 0, state: 'searching' };

/** After a lost connection a search starts again: hits that are known are not added twice. */
export const withProgress = (list: HitList, { hits, scannedTo, done }: SearchProgress): HitList => {
  const last = list.hits.at(-1)?.event.seq ?? 0;
  const all = [...list.hits, ...hits.filter(({ event }) => event.seq > last)];
  const state = all.length >= LIMIT ? 'stopped' : done || list.state === 'found' ? 'found' : 'searching';
  return { hits: all, scannedTo: Math.max(list.scannedTo, scannedTo), state };
};

/** The hit after or before a seq, as far as the list tells. `unknown`: the service must be asked. */
export const hitFrom = (list: HitList, from: number, forward: boolean): SearchHit | null | 'unknown' => {
  const { hits, scannedTo, state } = list;
  if (!forward && from > scannedTo && state !== 'found') return 'unknown';
  const hit = forward ? hits.find(({ event }) => event.seq > from) : hits.findLast(({ event }) => event.seq < from);
  if (hit !== undefined) return hit;
  return state === 'found' || !forward ? null : 'unknown';
};

/** @param at seq of the hit that is shown; null: none is */
export const listText = ({ hits, scannedTo, state }: HitList, at: number | null, lastSeq: number): string => {
  const number = at === null ? -1 : hits.findIndex(({ event }) => event.seq === at);
  const place = number >= 0 ? `${formatNumber(number + 1)} of ` : '';
  const count = `${place}${formatNumber(hits.length)}`;
  if (state === 'stopped') return `${count}+ hits`;
  if (state === 'searching') {
    const part = lastSeq > 0 ? Math.min(99, Math.floor((scannedTo / lastSeq) * 100)) : 0;
    return `${count} so far, ${part} % searched`;
  }
  if (hits.length === 0) return 'No hit';
  return `${count} hit${hits.length === 1 ? '' : 's'}`;
};
