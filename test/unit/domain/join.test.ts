import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideFeed, type FeedFact, type FeedState, newFeed, nextStep, type Span } from '../../../src/domain/join.ts';

const BOUNDS = { entries: 4, bytes: 400 };

/** Everything that can happen, as generated. The numbers select one of the actions possible at that moment. */
type Action =
  | { readonly do: 'append'; readonly count: number }
  | {
      readonly do: 'announce' | 'lose' | 'double' | 'answer' | 'fail' | 'read' | 'step' | 'reconnectViewer';
      readonly pick: number;
    }
  | { readonly do: 'join'; readonly after: number }
  | { readonly do: 'tick' | 'reconnect' | 'trim' | 'loseTail' | 'putBack' };

const pick = fc.nat({ max: 50 });
const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('announce' as const, 'step' as const), pick }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'double' as const, 'fail' as const), pick }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('answer' as const, 'read' as const), pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnectViewer' as const), pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), after: fc.nat({ max: 30 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'tick' as const,
          'reconnect' as const,
          'trim' as const,
          'loseTail' as const,
          'putBack' as const,
        ),
      }),
    },
  ),
  { maxLength: 120, size: 'max' },
);

interface Entry extends Span {
  readonly dropped?: true;
}
interface Viewer {
  position: number;
  readonly from: number;
  readonly got: [first: number, last: number][];
  reading: { readonly result: readonly Entry[]; readonly wakes: number } | null;
  /** It looks again only when it is woken. */
  waiting: boolean;
  done: boolean;
}

const viewerFrom = (from: number): Viewer => ({
  position: from,
  from,
  got: [],
  reading: null,
  waiting: false,
  done: false,
});

/** A log, its store, its announcements in flight, a feed and viewers. Everything is synchronous. */
class World {
  readonly entries: Entry[] = [];
  stored = 0;
  hole: { first: number; last: number } | null = null;
  inFlight: Entry[] = [];
  questions: { lastSeq: number; closed: boolean }[] = [];
  feed: FeedState<Entry> = newFeed();
  viewers: Viewer[] = [];
  wakes = 0;

  get written(): number {
    return this.entries.at(-1)?.lastSeq ?? 0;
  }
  get storedSeq(): number {
    return this.entries[this.stored - 1]?.lastSeq ?? 0;
  }

  append(count: number, closes = false): void {
    if (this.stored < this.entries.length) this.putBack();
    const firstSeq = this.written + 1;
    const entry = { firstSeq, lastSeq: firstSeq + count - 1, closes, size: count * 20 };
    this.entries.push(entry);
    this.stored += 1;
    this.inFlight.push(entry);
  }
  /** The writer sends lost entries again, with the same seqs. */
  putBack(): void {
    for (; this.stored < this.entries.length; this.stored += 1) {
      const entry = this.entries[this.stored];
      if (entry) this.inFlight.push(entry);
    }
  }
  tell(fact: FeedFact<Entry>): void {
    const { state, ask, wake } = decideFeed(this.feed, fact, BOUNDS);
    this.feed = state;
    if (ask) this.ask();
    if (!wake) return;
    this.wakes += 1;
    for (const viewer of this.viewers) viewer.waiting = false;
  }
  ask(): void {
    this.questions.push({ lastSeq: this.storedSeq, closed: this.entries[this.stored - 1]?.closes ?? false });
  }
  page(after: number): Entry[] {
    const page: Entry[] = [];
    let next = after + 1;
    for (const entry of this.entries.slice(0, this.stored)) {
      if (entry.lastSeq <= after || this.trimmed(entry)) continue;
      if (entry.firstSeq > next) {
        page.push({ firstSeq: next, lastSeq: entry.firstSeq - 1, closes: false, size: 1, dropped: true });
      }
      page.push(entry);
      next = entry.lastSeq + 1;
      if (page.length >= 3) break;
    }
    return page;
  }
  trimmed(entry: Entry): boolean {
    return this.hole !== null && entry.firstSeq >= this.hole.first && entry.lastSeq <= this.hole.last;
  }
  step(viewer: Viewer): void {
    if (viewer.done || viewer.reading || viewer.waiting || this.feed.head === null) return;
    const step = nextStep(this.feed, viewer.position);
    if (step.kind === 'done') viewer.done = true;
    else if (step.kind === 'take') this.deliver(viewer, step.entries);
    else if (step.kind === 'read') viewer.reading = { result: this.page(viewer.position), wakes: this.wakes };
    else if (step.kind === 'wait') viewer.waiting = true;
    else throw new Error(`a viewer was told ${step.kind}`);
  }
  finishRead(viewer: Viewer): void {
    const { reading } = viewer;
    viewer.reading = null;
    if (!reading) return;
    this.deliver(viewer, reading.result);
    if (reading.result.length > 0) return;
    this.tell({ kind: 'readInVain' });
    viewer.waiting = this.wakes === reading.wakes;
  }
  deliver(viewer: Viewer, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const first = Math.max(entry.firstSeq, viewer.position + 1);
      viewer.got.push([first, entry.lastSeq]);
      viewer.position = Math.max(viewer.position, entry.lastSeq);
    }
  }
}

const act = (world: World, action: Action): void => {
  const at = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(list.length, 1)];
  switch (action.do) {
    case 'append':
      world.append(action.count);
      return;
    case 'announce':
    case 'lose':
    case 'double': {
      const entry = at(world.inFlight, action.pick);
      if (entry === undefined) return;
      if (action.do !== 'double') world.inFlight.splice(world.inFlight.indexOf(entry), 1);
      if (action.do !== 'lose') world.tell({ kind: 'announced', entry });
      return;
    }
    case 'answer':
    case 'fail': {
      const question = at(world.questions, action.pick);
      if (question === undefined) return;
      world.questions.splice(world.questions.indexOf(question), 1);
      // The caller repeats a failed question.
      if (action.do === 'answer') world.tell({ kind: 'answered', stored: question });
      else world.ask();
      return;
    }
    case 'read': {
      const viewer = at(world.viewers, action.pick);
      if (viewer) world.finishRead(viewer);
      return;
    }
    case 'step': {
      const viewer = at(world.viewers, action.pick);
      if (viewer) world.step(viewer);
      return;
    }
    case 'reconnectViewer': {
      const viewer = at(world.viewers, action.pick);
      if (viewer) viewer.reading = null;
      return;
    }
    case 'join': {
      const from = Math.min(action.after, world.written);
      world.viewers.push(viewerFrom(from));
      return;
    }
    case 'tick':
      world.ask();
      return;
    case 'reconnect':
      world.tell({ kind: 'reconnected' });
      return;
    case 'trim': {
      const stored = world.entries.slice(0, world.stored);
      const first = stored[1];
      const last = stored.at(-3);
      if (first && last && last.firstSeq >= first.firstSeq) world.hole = { first: first.firstSeq, last: last.lastSeq };
      return;
    }
    case 'loseTail':
      world.stored = Math.max(world.stored - 2, Math.min(world.stored, world.hole ? world.stored : 1));
      return;
    case 'putBack':
      world.putBack();
      return;
  }
};

/** All announcements still in flight are lost, so from here on only the question of every second helps. */
const drain = (world: World, until: (viewer: Viewer) => boolean): void => {
  world.inFlight = [];
  for (let round = 0; round < 500 && !world.viewers.every(until); round += 1) {
    world.ask();
    for (const question of world.questions.splice(0)) world.tell({ kind: 'answered', stored: question });
    for (const viewer of world.viewers) {
      world.finishRead(viewer);
      world.step(viewer);
    }
  }
};

test('J5: in every generated interleaving, each viewer gets every event once and in order, and ends', () => {
  let joined = 0;
  let events = 0;
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World();
      world.viewers.push(viewerFrom(0));
      world.ask();
      for (const action of list) act(world, action);
      // Viewers must get everything also before the run ends, since its end would wake all of them.
      world.putBack();
      drain(world, ({ position }) => position === world.written);
      for (const { position } of world.viewers) expect(position).toBe(world.written);
      world.append(1, true);
      drain(world, ({ done }) => done);
      for (const viewer of world.viewers) {
        joined += 1;
        let expected = viewer.from + 1;
        for (const [first, last] of viewer.got) {
          expect(first).toBe(expected);
          expect(last).toBeGreaterThanOrEqual(first);
          events += last - first + 1;
          expected = last + 1;
        }
        expect(expected).toBe(world.written + 1);
        expect(viewer.done).toBe(true);
      }
    }),
    { numRuns: 10_000 },
  );
  // Not targets: they prove that the generator produced something.
  expect(joined).toBeGreaterThan(10_000);
  expect(events).toBeGreaterThan(100_000);
}, 120_000);

test('J3: the ring stays within its limits, whatever is announced', () => {
  let state = newFeed<Entry>();
  state = decideFeed(state, { kind: 'answered', stored: { lastSeq: 0, closed: false } }, BOUNDS).state;
  for (let seq = 1; seq <= 100; seq += 1) {
    const entry = { firstSeq: seq, lastSeq: seq, closes: false, size: 150 };
    state = decideFeed(state, { kind: 'announced', entry }, BOUNDS).state;
  }
  expect(state.head).toBe(100);
  expect(state.ringBytes).toBeLessThanOrEqual(BOUNDS.bytes);
  for (let seq = 200; seq <= 300; seq += 1) {
    const entry = { firstSeq: seq, lastSeq: seq, closes: false, size: 150 };
    state = decideFeed(state, { kind: 'announced', entry }, BOUNDS).state;
  }
  expect(state.held.length).toBeLessThanOrEqual(BOUNDS.entries);
});

test('the removal of a run wakes its viewers, which learn that it is gone', () => {
  const known = decideFeed(newFeed<Entry>(), { kind: 'answered', stored: { lastSeq: 5, closed: false } }, BOUNDS);
  const gone = decideFeed(known.state, { kind: 'answered', stored: null }, BOUNDS);
  expect(gone.wake).toBe(true);
  expect(nextStep(gone.state, 3)).toEqual({ kind: 'gone' });
});

test('a viewer with a position beyond the end of a finished run gets the last seq', () => {
  const { state } = decideFeed(newFeed<Entry>(), { kind: 'answered', stored: { lastSeq: 5, closed: true } }, BOUNDS);
  expect(nextStep(state, 5)).toEqual({ kind: 'done' });
  expect(nextStep(state, 6)).toEqual({ kind: 'beyond', end: 5 });
  expect(nextStep(state, 0)).toEqual({ kind: 'read' });
});
