/**
 * Joins the stored log with live announcements. Facts in, decisions out: no promise, timer or clock, so that tests can
 * generate every order of facts (PROTOCOL.md, part 5).
 *
 * A feed knows how far the stored log goes (`head`) and keeps the newest entries (`ring`), which end at the head without
 * a gap. It learns of both from announcements, which can come late, twice, in any order or never, and from the store's
 * replies, which are authoritative. A viewer has only its position; it reads from the store what is not in the ring.
 */
import type { Seq } from './events.ts';

/** The part of a stored entry that the join needs. */
export interface Span {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** Its last event is RunFinished. */
  readonly closes: boolean;
  /** Approximate size in memory, bytes. */
  readonly size: number;
}

/** The most that a feed keeps. Beyond it the oldest entries are dropped; viewers that need them read the store. */
export interface RingBounds {
  readonly entries: number;
  readonly bytes: number;
}

export interface FeedState<Entry extends Span> {
  /** The newest seq that is known to be stored; null until the store's first reply. */
  readonly head: Seq | null;
  /** The seq of RunFinished, once known. */
  readonly end: Seq | null;
  /** The run does not exist, or no longer. */
  readonly gone: boolean;
  /** The newest entries without a gap, ending at the head. Empty after the head jumped. */
  readonly ring: readonly Entry[];
  readonly ringBytes: number;
  /** Entries announced beyond a gap, kept while the store is asked. Bounded like the ring; the oldest are dropped first. */
  readonly held: readonly Entry[];
  readonly asking: boolean;
  /** A viewer's last read of the store was empty: it is woken by the store's next reply, even an unchanged one. */
  readonly readInVain: boolean;
}

export type FeedFact<Entry extends Span> =
  | { readonly kind: 'announced'; readonly entry: Entry }
  /** The store's reply: how far the log goes; null if the run does not exist. */
  | { readonly kind: 'answered'; readonly stored: { readonly lastSeq: Seq; readonly closed: boolean } | null }
  /** The store did not reply; the caller asks again later. */
  | { readonly kind: 'unanswered' }
  /** Announcements may have been missed: the subscriber reconnected. */
  | { readonly kind: 'reconnected' }
  /** A viewer's read was empty although the head is beyond its position: the store has lost its newest entries. */
  | { readonly kind: 'readInVain' };

export interface FeedDecision<Entry extends Span> {
  readonly state: FeedState<Entry>;
  /** Ask the store how far the log goes, then report `answered` or `unanswered`. */
  readonly ask: boolean;
  /** Wake the viewers that wait. */
  readonly wake: boolean;
}

export const newFeed = <Entry extends Span>(): FeedState<Entry> => ({
  head: null,
  end: null,
  gone: false,
  ring: [],
  ringBytes: 0,
  held: [],
  asking: false,
  readInVain: false,
});

/** The decision on one fact. Facts after the end or the removal of the run change nothing. */
export const decideFeed = <Entry extends Span>(
  state: FeedState<Entry>,
  fact: FeedFact<Entry>,
  bounds: RingBounds,
): FeedDecision<Entry> => {
  if (state.gone) return { state, ask: false, wake: false };
  switch (fact.kind) {
    case 'announced':
      return onAnnounced(state, fact.entry, bounds);
    case 'answered':
      return onAnswered(state, fact.stored, bounds);
    case 'unanswered':
      return { state: { ...state, asking: false }, ask: false, wake: false };
    case 'reconnected':
      return ask(state);
    case 'readInVain':
      return { state: { ...state, readInVain: true }, ask: false, wake: false };
  }
};

const ask = <Entry extends Span>(state: FeedState<Entry>): FeedDecision<Entry> =>
  state.asking ? { state, ask: false, wake: false } : { state: { ...state, asking: true }, ask: true, wake: false };

const onAnnounced = <Entry extends Span>(
  state: FeedState<Entry>,
  entry: Entry,
  bounds: RingBounds,
): FeedDecision<Entry> => {
  // A repeat. It wakes too: viewers may wait for a store that lost its newest entries and is being filled again.
  if (state.head !== null && entry.lastSeq <= state.head) return { state, ask: false, wake: true };
  if (state.head !== null && entry.firstSeq === state.head + 1) {
    return { state: joinHeld(extend(state, entry, bounds), bounds), ask: false, wake: true };
  }
  // A gap, or the head is not known yet: keep the entry, so that it can be joined right after the store's reply.
  return ask({ ...state, held: hold(state.held, entry, bounds) });
};

const onAnswered = <Entry extends Span>(
  state: FeedState<Entry>,
  stored: { readonly lastSeq: Seq; readonly closed: boolean } | null,
  bounds: RingBounds,
): FeedDecision<Entry> => {
  if (stored === null) return { state: { ...newFeed<Entry>(), gone: true }, ask: false, wake: true };
  let next: FeedState<Entry> = { ...state, asking: false };
  // The head never goes back. An announcement received while we wait can be newer than the reply, and a store that lost
  // its newest entries replies with less than before, but the writer stores the same events again.
  if (next.head === null || stored.lastSeq > next.head) {
    next = { ...next, head: stored.lastSeq, ring: [], ringBytes: 0 };
  }
  if (stored.closed) {
    // Closed below the head: the store lost its newest entries, and no process was left to store them again.
    if (stored.lastSeq < (next.head ?? 0)) next = { ...next, head: stored.lastSeq, ring: [], ringBytes: 0 };
    next = { ...next, end: stored.lastSeq, held: [] };
  }
  next = joinHeld(next, bounds);
  // If nothing changed, only viewers whose last read was empty are woken. Most replies change nothing, and each would
  // wake all viewers of all runs once a second.
  const wake = state.readInVain || next.head !== state.head || next.end !== state.end;
  next = { ...next, readInVain: false };
  // Still a gap: the reply is older than the announcement, or the store lost its newest entries. Ask again (paced).
  return next.held.length > 0 ? { ...ask(next), wake } : { state: next, ask: false, wake };
};

/** Moves held entries to the ring, as far as they follow without a gap. */
const joinHeld = <Entry extends Span>(state: FeedState<Entry>, bounds: RingBounds): FeedState<Entry> => {
  if (state.held.length === 0 || state.head === null) return state;
  let next = state;
  const left: Entry[] = [];
  for (const entry of [...state.held].sort((a, b) => a.firstSeq - b.firstSeq)) {
    const head = next.head ?? 0;
    if (entry.lastSeq <= head) continue;
    if (entry.firstSeq === head + 1) next = extend(next, entry, bounds);
    else left.push(entry);
  }
  return { ...next, held: left };
};

const extend = <Entry extends Span>(state: FeedState<Entry>, entry: Entry, bounds: RingBounds): FeedState<Entry> => {
  const ring = [...state.ring, entry];
  let bytes = state.ringBytes + entry.size;
  let drop = 0;
  while (ring.length - drop > 1 && (ring.length - drop > bounds.entries || bytes > bounds.bytes)) {
    bytes -= ring[drop]?.size ?? 0;
    drop += 1;
  }
  return {
    ...state,
    head: entry.lastSeq,
    end: entry.closes ? entry.lastSeq : state.end,
    ring: drop > 0 ? ring.slice(drop) : ring,
    ringBytes: bytes,
  };
};

const hold = <Entry extends Span>(held: readonly Entry[], entry: Entry, bounds: RingBounds): readonly Entry[] => {
  if (held.some((other) => other.firstSeq === entry.firstSeq)) return held;
  const next = [...held, entry];
  let bytes = next.reduce((sum, other) => sum + other.size, 0);
  while (next.length > 1 && (next.length > bounds.entries || bytes > bounds.bytes)) bytes -= next.shift()?.size ?? 0;
  return next;
};

/** What a viewer at a position does next. */
export type ViewerStep<Entry> =
  /** These entries follow the position without a gap. The first one can begin before it. */
  | { readonly kind: 'take'; readonly entries: readonly Entry[] }
  /** Read the store from the position. */
  | { readonly kind: 'read' }
  /** There is nothing yet. */
  | { readonly kind: 'wait' }
  /** The run has ended and everything was delivered. */
  | { readonly kind: 'done' }
  /** The run ended before the position. */
  | { readonly kind: 'beyond'; readonly end: Seq }
  | { readonly kind: 'gone' };

export const nextStep = <Entry extends Span>(state: FeedState<Entry>, position: Seq): ViewerStep<Entry> => {
  if (state.gone) return { kind: 'gone' };
  if (state.end !== null && position >= state.end) {
    return position === state.end ? { kind: 'done' } : { kind: 'beyond', end: state.end };
  }
  if (state.head === null || position >= state.head) return { kind: 'wait' };
  const from = firstAfter(state.ring, position);
  const first = state.ring[from];
  return first !== undefined && first.firstSeq <= position + 1
    ? { kind: 'take', entries: state.ring.slice(from) }
    : { kind: 'read' };
};

/** Index of the first entry with an event after the position (binary search). */
const firstAfter = (ring: readonly Span[], position: Seq): number => {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ring[middle]?.lastSeq ?? 0) > position) high = middle;
    else low = middle + 1;
  }
  return low;
};
