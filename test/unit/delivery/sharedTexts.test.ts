import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { PieceSource } from '../../../src/delivery/pieces.ts';
import { type SharedSelection, SharedSelections } from '../../../src/delivery/sharedTexts.ts';
import type { TextSink } from '../../../src/delivery/textSink.ts';
import type { RunEvent } from '../../../src/domain/events.ts';
import { type LogFilterInput, logFilter, readsMessages } from '../../../src/domain/filter.ts';
import { newRunId } from '../../../src/domain/ids.ts';
import { schema } from '../../../src/graphql/schema/schema.ts';
import { ResultSource } from '../../../src/graphql/server/executeOperations.ts';
import { StoredEntry } from '../../../src/log/entry.ts';
import type { LogViewer } from '../../../src/log/viewer.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { line } from '../../support/log.ts';
import { nextOf } from '../../support/source.ts';

const runId = newRunId();
const never = new AbortController().signal;
const DOCUMENT = `subscription ($runId: ID!, $after: Int, $more: Boolean = false) {
  runLogBatches(runId: $runId, after: $after) { lastSeq events { seq ... on LogLine { message level @include(if: $more) } } } }`;

/** An entry that counts how often it is decoded. */
class CountedEntry extends StoredEntry {
  decoded = 0;
  readonly #known = new WeakSet();
  override parts() {
    const parts = super.parts();
    if (!this.#known.has(parts)) this.decoded += 1;
    this.#known.add(parts);
    return parts;
  }
}
const entryOf = (firstSeq: number, count: number, text = 'line') =>
  new CountedEntry(
    encodeBatch(
      Array.from({ length: count }, (_, i) => line(`${text} ${firstSeq + i}`)),
      firstSeq,
      1,
    ),
  );

/** A viewer that gets all entries in one pull. */
const viewerOf = (entries: readonly CountedEntry[], after = 0, caughtUp = true): LogViewer => {
  const lastSeq = entries.at(-1)?.lastSeq ?? 0;
  let pulled = false;
  return {
    take: () => {
      if (pulled) return null;
      pulled = true;
      return { entries, after, lastSeq, caughtUp, ended: true };
    },
    more: () => Promise.reject(new Error('all is at hand')),
    close: () => undefined,
  };
};

const follow = async (
  selection: SharedSelection,
  entries: readonly CountedEntry[],
  after = 0,
  caughtUp = true,
): Promise<Set<unknown>> => {
  const viewer = viewerOf(entries, after, caughtUp);
  const source = new PieceSource({ runId, viewer, filter: null, maxBatch: 500 });
  const texts = new Set<unknown>();
  for (let piece = await nextOf(source, never); piece !== null; piece = await nextOf(source, never)) {
    texts.add(selection.textsOf(piece));
  }
  return texts;
};

test('a hundred viewers of one selection cost one execution per piece, wherever they joined', async () => {
  const selections = new SharedSelections();
  const entries = [entryOf(1, 3000), entryOf(3001, 3000)];
  const all = new Set<unknown>();
  for (let viewer = 0; viewer < 100; viewer += 1) {
    // As after a reconnect: only `after` differs.
    const request = { schema, document: parse(DOCUMENT), variableValues: { runId, after: viewer % 4 } };
    const after = viewer % 4;
    for (const text of await follow(selections.of('runLogBatches', request), entries, after)) all.add(text);
  }
  // 12 pieces, the first of them in four lengths.
  expect(all.size).toBe(12 + 3);
  // Once each. More only if memory was reclaimed in between.
  for (const { decoded } of entries) expect(decoded).toBeLessThanOrEqual(3);
});

test('a different document, or a different value of a variable that the selection uses, is another selection', () => {
  const selections = new SharedSelections();
  const of = (text: string, variableValues: Record<string, unknown>) =>
    selections.of('runLogBatches', { schema, document: parse(text), variableValues });
  const first = of(DOCUMENT, { runId, after: 5 });
  expect(of(DOCUMENT, { runId: newRunId(), after: 9 })).toBe(first);
  expect(of(DOCUMENT, { runId, more: false })).toBe(first);
  expect(of(DOCUMENT, { runId, more: true })).not.toBe(first);
  expect(of(`${DOCUMENT} `, { runId })).not.toBe(first);
});

test('texts are kept for a short time, not as long as their entries', async () => {
  const selections = new SharedSelections();
  const request = { schema, document: parse(DOCUMENT), variableValues: { runId } };
  const selection = selections.of('runLogBatches', request);
  // About 1 MB of text each, 64 MB together.
  const entries = Array.from({ length: 64 }, (_, i) => entryOf(1 + i * 1000, 1000, 'x'.repeat(1000)));
  const made = await follow(selection, entries);
  const again = async (from: number, to: number): Promise<number> => {
    const texts = await follow(selection, entries.slice(from, to), from * 1000);
    return [...texts].filter((text) => !made.has(text)).length;
  };
  expect(await again(48, 64)).toBe(0);
  expect(await again(0, 4)).toBe(4 * 2);
});

test('a filter is evaluated once for all lines that it cannot distinguish, and filtered lines move the position once per pull', async () => {
  const selection = new SharedSelections().of('runLogBatches', { schema, document: parse(DOCUMENT) });
  const told = async (input: LogFilterInput) => {
    let asked = 0;
    const made = logFilter(input, 'filter') ?? { passes: () => true, selects: () => true };
    const filter = {
      ...made,
      passes: (event: RunEvent) => {
        asked += 1;
        return made.passes(event);
      },
      name: JSON.stringify(input),
      readsMessages: readsMessages(input),
    };
    const messages: string[] = [];
    const sink: TextSink = {
      send: ({ texts }) => {
        messages.push(...texts.map((text) => text.toString().slice(0, -1)));
        return null;
      },
    };
    // The lines of one batch share a timestamp. Otherwise the filter would see several kinds of lines.
    const viewer = viewerOf([entryOf(1, 3000)]);
    const results = new ResultSource(new PieceSource({ runId, viewer, filter, maxBatch: 500 }), selection, sink);
    expect(await results.next(never)).toBeNull();
    const batches = messages.map((text) => JSON.parse(text).data.runLogBatches);
    return { asked, lastSeqs: batches.map(({ lastSeq }) => lastSeq), events: batches.flatMap(({ events }) => events) };
  };
  const all = await told({ streams: ['STDOUT'] });
  expect(all.events.map(({ seq }) => seq)).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1));
  expect(all.asked).toBeLessThan(100);
  const none = await told({ minLevel: 'ERROR' });
  expect(none).toMatchObject({ lastSeqs: [3000], events: [] });
  expect(none.asked).toBeLessThan(100);
  expect((await told({ contains: 'line 1234' })).events).toEqual([{ seq: 1234, message: 'line 1234' }]);
});

test('viewers that catch up reuse the texts of live viewers, unless they select caughtUp', async () => {
  const selections = new SharedSelections();
  const entries = [entryOf(1, 1000)];
  for (const [document, texts] of [
    [DOCUMENT, 2],
    [DOCUMENT.replace('lastSeq', 'lastSeq caughtUp'), 3],
  ] as const) {
    const selection = selections.of('runLogBatches', { schema, document: parse(document), variableValues: { runId } });
    const live = await follow(selection, entries, 0, true);
    const behind = await follow(selection, entries, 0, false);
    // Only the last piece is caught up.
    expect(new Set([...live, ...behind]).size).toBe(texts);
  }
});
