import fc from 'fast-check';
import { executeSync, parse, print, stripIgnoredCharacters, validate } from 'graphql';
import { expect, test } from 'vitest';
import { LATER } from '../../../src/async/source.ts';
import { eventSource } from '../../../src/delivery/eventSource.ts';
import { type EventBatch, PieceSource } from '../../../src/delivery/pieces.ts';
import { SharedSelections } from '../../../src/delivery/sharedTexts.ts';
import type { RunEvent } from '../../../src/domain/events.ts';
import { newRunId } from '../../../src/domain/ids.ts';
import { schema } from '../../../src/graphql/schema/schema.ts';
import { StoredEntry } from '../../../src/log/entry.ts';
import { BatchBuilder } from '../../../src/wire/batchBuilder.ts';
import { EVERY_EVENT } from '../../support/runs/everyEvent.ts';

const runId = newRunId();
const events: readonly RunEvent[] = [
  ...EVERY_EVENT.map((draft, i) => ({ ...draft, seq: i + 1, attempt: 1 })),
  {
    kind: 'LinesDropped',
    seq: 99,
    fromSeq: 50,
    attempt: 1,
    timestamp: 5,
    count: 50,
    droppedBytes: null,
    droppedLines: 7,
    reason: 'LOG_LIMIT',
  },
];

/** The shared text of a batch, and the result of graphql-js for it. */
const both = (document: string, batch: EventBatch, variables: Record<string, unknown> = {}) => {
  const parsed = parse(document);
  expect(validate(schema, parsed)).toEqual([]);
  const request = { schema, document: parsed, variableValues: variables };
  const piece = {
    runId,
    entry: null,
    name: '',
    lastSeq: batch.lastSeq,
    caughtUp: true,
    tellsPosition: true,
    events: () => batch.events,
    parts: () => batch.events,
  };
  const shared = new SharedSelections().of('runLogBatches', request).textsOf(piece);
  const expected = executeSync({ ...request, rootValue: { ...batch, caughtUp: true } });
  return {
    shared: shared === null ? null : JSON.parse(shared.texts[0]?.toString().slice(0, -1) ?? ''),
    expected: JSON.parse(JSON.stringify(expected)),
  };
};
const batch = (list: readonly RunEvent[]): EventBatch => ({
  runId,
  events: list.map((event) => eventSource(runId, event)),
  lastSeq: list.at(-1)?.seq ?? 0,
  caughtUp: true,
});

const FIELDS: Readonly<Record<string, string>> = {
  LogLine:
    'level stream message logger fields exception { type message stack } truncated line annotation { kind title file line endLine column endColumn }',
  StatusChanged: 'status previous detail',
  ProgressUpdated: 'label current total unit',
  GroupStarted: 'name',
  GroupEnded: 'name startSeq durationMs implicit',
  OutputProduced: 'value',
  CustomEvent: 'name data',
  ContainerEvent: 'kind detail',
  LinesDropped: 'fromSeq count droppedBytes droppedLines reason',
  AttemptFinished: 'exitCode failure { reason message signal __typename } digest retryAt',
  RunFinished: 'status exitCode failure { ...F } message lines bytes gone: dropped digest',
};

test('the text of every selection of every event is the result of graphql-js', () => {
  const inline = fc
    .subarray(Object.keys(FIELDS))
    .map((types) => types.map((type) => `... on ${type} { ${FIELDS[type]} }`).join(' '));
  const common = fc.subarray(['seq', 'runId', 'attempt', 'timestamp', '__typename', 'again: seq', '...Common'], {
    minLength: 1,
  });
  fc.assert(
    fc.property(
      common,
      inline,
      fc.subarray([...events]),
      fc.boolean(),
      fc.boolean(),
      (shared, types, list, with1, with2) => {
        const document = `subscription S($id: ID!, $a: Boolean!, $b: Boolean = true) {
        log: runLogBatches(runId: $id) { lastSeq caughtUp runId
          events { ${shared.join(' ')} ${types} seq @include(if: $a) ... @skip(if: $b) { attempt } ... on RunEvent { timestamp } } } }
        fragment Common on RunEvent { seq ... on LogLine { message } }
        fragment F on RunFailure { reason message signal }`;
        const used =
          document.includes('...F ') && document.includes('RunFinished')
            ? document
            : document.replace(/fragment F .*/, '');
        const final = used.includes('...Common') ? used : used.replace(/fragment Common .*/, '');
        const { shared: text, expected } = both(final, batch(list), {
          id: runId,
          a: with1,
          ...(with2 ? { b: false } : {}),
        });
        expect(text).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

/** Documents that select the same in every form that the specification allows. */
const shapes = (root: string, other: string): readonly string[] => [
  `{ ${root} }`,
  `{ ... { ${root} } }`,
  `{ ... on Subscription { ${root} } }`,
  `{ ...F } fragment F on Subscription { ${root} }`,
  `{ ...F } fragment F on Subscription { ...G } fragment G on Subscription { ... on Subscription { ${root} } }`,
  `{ ...F ...F } fragment F on Subscription { ${root} }`,
  `{ ${root} ${other} }`,
  `{ ...F ${other} } fragment F on Subscription { ${root} }`,
  `{ ${other} ... { ...F } } fragment F on Subscription { ${root} }`,
];

test('every form of document is compiled, and gives the result of graphql-js', () => {
  const parts = [
    'lastSeq',
    'caughtUp',
    'id: runId',
    'events { seq }',
    'events { ...E }',
    'events { ... { __typename } }',
  ];
  const conditions = ['', '@include(if: $a)', '@skip(if: $b)', '@include(if: true) @skip(if: $a)'];
  const selection = fc
    .array(fc.tuple(fc.constantFrom(...parts), fc.constantFrom(...conditions)), { minLength: 1, maxLength: 5 })
    .map((list) => list.map(([part, condition]) => part.replace(/(?= \{)|$/, ` ${condition}`)).join(' '));
  const layout = fc.constantFrom(
    (text: string) => text,
    stripIgnoredCharacters,
    (text: string) => text.replaceAll('} }', '} #{}"\n }').replaceAll('{ ', '{\r\n,,'),
    (text: string) => print(parse(text)),
    (text: string) => `\uFEFF${text}\n\n`,
  );
  const operation = fc.constantFrom('', 'S', 'subscription', 'query');
  const given = fc.record({ a: fc.boolean(), b: fc.option(fc.boolean()) });
  fc.assert(
    fc.property(selection, selection, fc.nat(8), layout, operation, given, (one, two, shape, lay, name, { a, b }) => {
      const argument = '(runId: $id, filter: { contains: """a "quoted"\n  text""" }, maxBatch: $max)';
      const root = (fields: string) =>
        `log: runLogBatches${argument} { __typename @include(if: $a) also: __typename @skip(if: $b) ${fields} }`;
      const body = shapes(root(one), root(two))[shape] ?? '';
      const fragment = body.includes('...E') ? ' fragment E on RunEvent { seq ... on LogLine { message } }' : '';
      const head = `subscription ${name} ($id: ID!, $max: Int = 7, $a: Boolean!, $b: Boolean = false)`;
      const variables = { id: runId, a, ...(b === null ? {} : { b }) };
      const { shared, expected } = both(lay(`${head} ${body}${fragment}`), batch(events), variables);
      expect(shared).not.toBeNull();
      expect(shared).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('viewers share texts if they select the same, whatever the arguments of the root field, and only then', () => {
  const selections = new SharedSelections();
  const of = (body: string, variables: Record<string, unknown>) => {
    const document = parse(`subscription ($after: Int, $a: Boolean = true) ${body}`);
    return selections.of('runLogs', { schema, document, variableValues: variables });
  };
  const one = 'runLogs(runId: "x", after: $after) { seq @include(if: $a) }';
  for (const body of shapes(one, 'runLogs(runId: "x", after: $after) { runId }')) {
    expect(of(body, { after: 1 })).toBe(of(body, { after: 2, a: true }));
    expect(of(body, { after: 1 })).not.toBe(of(body, { after: 1, a: false }));
  }
});

test('plain lines, which are never decoded to events, give the result of graphql-js', async () => {
  const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\n', '').toWellFormed());
  const line = fc.record({
    stream: fc.constantFrom('STDOUT' as const, 'STDERR' as const, 'LOGGER' as const),
    timestamp: fc.nat(2),
    message: fc.oneof(text, fc.constantFrom('', 'plain', '"\\', 'ü😀', '\u0080\u00ff\u2028\u001b[1m')),
  });
  const selection = fc
    .subarray(['seq', 'runId', 'attempt', 'timestamp', '__typename', 'again: seq'])
    .chain((common) =>
      fc
        .subarray([
          'level',
          'stream',
          'message',
          'text: message',
          'logger',
          'fields',
          'exception { type }',
          'truncated',
          'line',
          'number: line',
          'annotation { kind line }',
        ])
        .map((own) =>
          [...common, '... on GroupStarted { name }', `... on LogLine { __typename ${own.join(' ')} }`].join(' '),
        ),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 30 }),
      selection,
      fc.nat(40),
      fc.integer({ min: 1, max: 12 }),
      fc.option(fc.integer({ min: 1, max: 110 })),
      async (lines, fields, skipped, maxBatch, firstLine) => {
        const drafts = lines.map((draft) => ({ kind: 'LogLine' as const, level: 'INFO' as const, ...draft }));
        const builder = new BatchBuilder(firstLine);
        for (const draft of drafts) builder.add(draft);
        const entry = new StoredEntry(builder.seal(95, 2));
        const after = Math.min(94 + skipped, entry.lastSeq - 1);
        const pull = { entries: [entry], after, lastSeq: entry.lastSeq, caughtUp: true, ended: true };
        for (const field of ['runLogBatches', 'runLogs'] as const) {
          const list = `{ lastSeq events { ${fields} } }`;
          const document = parse(
            `subscription ($id: ID!) { it: ${field}(runId: $id) ${field === 'runLogs' ? `{ ${fields} }` : list} }`,
          );
          const selections = new SharedSelections().of(field, { schema, document, variableValues: { id: runId } });
          const pulls = [pull];
          const viewer = { take: () => pulls.pop() ?? null, more: async () => undefined, close: () => undefined };
          const pieces = new PieceSource({ runId, viewer, filter: null, maxBatch });
          for (;;) {
            const piece = pieces.take();
            if (piece === null || piece === LATER) break;
            const expected = await selections.resultsOf(piece);
            const shared = selections.textsOf(piece);
            expect(shared?.texts.map((bytes) => JSON.parse(bytes.toString().slice(0, -1)))).toEqual(
              JSON.parse(JSON.stringify(expected)),
            );
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('an event without selected fields is an empty object', () => {
  const document = 'subscription ($id: ID!) { runLogBatches(runId: $id) { events { ... on LogLine { message } } } }';
  const { shared, expected } = both(document, batch(events), { id: runId });
  expect(shared).toEqual(expected);
  expect(shared.data.runLogBatches.events).toContainEqual({});
});

test('any message and any field becomes valid JSON with the same value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (message, value) => {
      const list: RunEvent[] = [
        {
          kind: 'LogLine',
          seq: 1,
          attempt: 1,
          timestamp: 1e12,
          level: 'INFO',
          stream: 'LOGGER',
          message,
          fields: { value: value as never },
        },
      ];
      const { shared, expected } = both(
        'subscription ($id: ID!) { runLogBatches(runId: $id) { events { ... on LogLine { message fields } } } }',
        batch(list),
        { id: runId },
      );
      expect(shared).toEqual(expected);
    }),
  );
});

test('what the compiler does not support is left to graphql-js', () => {
  const broken = batch([
    { kind: 'LogLine', seq: 2 ** 40, attempt: 1, timestamp: 0, level: 'INFO', stream: 'STDOUT', message: 'm' },
  ]);
  const { shared, expected } = both(
    'subscription ($id: ID!) { runLogBatches(runId: $id) { events { seq } } }',
    broken,
    { id: runId },
  );
  expect(shared).toBeNull();
  expect(expected.errors).toHaveLength(1);
});
