/**
 * The join of history and live, as facts in and decisions out: no promise, timer or clock in here, so
 * that every interleaving can be tested by generation (PROTOCOL.md, part 5).
 *
 * A feed knows how far the stored log goes (`head`) and keeps the newest entries (`ring`), which end
 * at the head without a hole. It learns of both from announcements, which may come late, twice, in any
 * order or never, and from answers of the store, which is the truth. A viewer has nothing but its
 * position; what the ring does not hold it reads from the store.
 */
import type { Seq } from './events.ts';

/** A stored entry as far as the join looks at it. */
export interface Span {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** It ends with RunFinished. */
  readonly closes: boolean;
  /** About what keeping it costs, bytes. */
  readonly size: number;
}

/** How much a feed keeps; beyond it the oldest go, and viewers that need them read the store. */
export interface RingBounds {
  readonly entries: number;
  readonly bytes: number;
}

export interface FeedState<Entry extends Span> {
  /** The newest seq known to be stored; null until the store has answered for the first time. */
  readonly head: Seq | null;
  /** The seq of RunFinished once it is known. */
  readonly end: Seq | null;
  /** The run is not there (any more). */
  readonly gone: boolean;
  /** Newest entries without a hole, the last one ending at the head; empty after a jump. */
  readonly ring: readonly Entry[];
  readonly ringBytes: number;
  /** Announced beyond a hole, while the store is asked; bounded like the ring, the oldest go first. */
  readonly held: readonly Entry[];
  readonly asking: boolean;
  /** A viewer read the store in vain and waits for its next answer, whatever that is. */
  readonly readInVain: boolean;
}

export type FeedFact<Entry extends Span> =
  | { readonly kind: 'announced'; readonly entry: Entry }
  /** The store's answer to a question: how far the log goes; null where the run is not there. */
  | { readonly kind: 'answered'; readonly stored: { readonly lastSeq: Seq; readonly closed: boolean } | null }
  /** The question could not be answered; whoever asked asks again later. */
  | { readonly kind: 'unanswered' }
  /** Announcements may have been missed (the subscriber was reconnected). */
  | { readonly kind: 'reconnected' }
  /** A viewer found nothing in the store though the head is beyond its position: the store has lost its tail. */
  | { readonly kind: 'readInVain' };

export interface FeedDecision<Entry extends Span> {
  readonly state: FeedState<Entry>;
  /** Ask the store how far the log goes, then tell `answered` or `unanswered`. */
  readonly ask: boolean;
  /** Viewers that wait should look again. */
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

/** One fact, one decision. Facts after the end or the removal of the run change nothing. */
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
  // A repeat. It wakes all the same: a store that lost its tail is being filled again, and viewers wait to read it.
  if (state.head !== null && entry.lastSeq <= state.head) return { state, ask: false, wake: true };
  if (state.head !== null && entry.firstSeq === state.head + 1) {
    return { state: joinHeld(extend(state, entry, bounds), bounds), ask: false, wake: true };
  }
  // A hole (or nothing known yet): keep it, so that the live entries join right after the answer.
  return ask({ ...state, held: hold(state.held, entry, bounds) });
};

const onAnswered = <Entry extends Span>(
  state: FeedState<Entry>,
  stored: { readonly lastSeq: Seq; readonly closed: boolean } | null,
  bounds: RingBounds,
): FeedDecision<Entry> => {
  if (stored === null) return { state: { ...newFeed<Entry>(), gone: true }, ask: false, wake: true };
  let next: FeedState<Entry> = { ...state, asking: false };
  // An answer may be older than what was announced meanwhile, and a store that lost its tail may answer
  // less than before: the head never goes back, since the writer puts the same events back.
  if (next.head === null || stored.lastSeq > next.head) {
    next = { ...next, head: stored.lastSeq, ring: [], ringBytes: 0 };
  }
  if (stored.closed) {
    // Closed below the head: the store lost its tail and nobody was left to put it back.
    if (stored.lastSeq < (next.head ?? 0)) next = { ...next, head: stored.lastSeq, ring: [], ringBytes: 0 };
    next = { ...next, end: stored.lastSeq, held: [] };
  }
  next = joinHeld(next, bounds);
  // Most answers have no news, and each would wake all viewers of all runs once a second.
  const wake = state.readInVain || next.head !== state.head || next.end !== state.end;
  next = { ...next, readInVain: false };
  // Still a hole: the answer is older than the announcement, or the store lost its tail. Ask once more (paced).
  return next.held.length > 0 ? { ...ask(next), wake } : { state: next, ask: false, wake };
};

/** Takes over what was held, as far as it follows without a hole. */
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

/** What a viewer at this position does next. */
export type ViewerStep<Entry> =
  /** These entries follow the position without a hole (the first may begin before it). */
  | { readonly kind: 'take'; readonly entries: readonly Entry[] }
  /** Read the store from the position on. */
  | { readonly kind: 'read' }
  /** Nothing yet. */
  | { readonly kind: 'wait' }
  /** The run has ended and all was delivered. */
  | { readonly kind: 'done' }
  /** The run ended before the position was reached. */
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

/** Index of the first entry that holds something after the position (binary search). */
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
