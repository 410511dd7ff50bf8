import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventDraft, JsonObject, LogLineDraft, RunEvent } from '../../../src/domain/events.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import { parseExactJson } from '../../../src/domain/text/exactJson.ts';
import { BatchBuilder, encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { batchHeader, CodecError, decodeBatch, joinBatch } from '../../../src/wire/codec.ts';

const line = (message: string, timestamp = 1): EventDraft => ({
  kind: 'LogLine',
  timestamp,
  level: 'INFO',
  stream: 'STDOUT',
  message,
});

test('B1, B2: a decoded batch has the events with the seqs and the attempt of its header', () => {
  const drafts: EventDraft[] = [
    line('a'),
    { kind: 'GroupStarted', timestamp: 2, name: 'g' },
    line('ü\u0000\n\u001b[1m'),
  ];
  const batch = encodeBatch(drafts, 7, 3);
  expect(batchHeader(batch)).toMatchObject({ firstSeq: 7, lastSeq: 9, attempt: 3, closes: false });
  expect(decodeBatch(batch)).toEqual(drafts.map((draft, i) => ({ ...draft, seq: 7 + i, attempt: 3 })));
});

test.each(['1234567890123456789', '1.0', '-0', '1e400'])('the number %s of a command keeps its text', (number) => {
  const value = parseExactJson(`{"id":${number}}`) as JsonObject;
  const drafts: EventDraft[] = [
    { ...(line('m') as LogLineDraft), fields: value },
    { kind: 'OutputProduced', timestamp: 1, value },
  ];
  const shown = decodeBatch(encodeBatch(drafts, 1, 1)).map((event) => JSON.stringify(event));
  for (const text of shown) expect(text).toContain(`{"id":${number}}`);
});

test('B3: plain lines and other events keep their order in a batch, in any combination', () => {
  const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\n', '').toWellFormed());
  const piece = fc.oneof(
    fc.record({
      stream: fc.constantFrom('STDOUT' as const, 'STDERR' as const),
      at: fc.nat(9),
      lines: fc.array(text, { minLength: 1 }),
    }),
    text.map((name) => ({ name })),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      (pieces, firstSeq) => {
        const builder = new BatchBuilder();
        const expected: Omit<RunEvent, 'seq' | 'attempt'>[] = [];
        for (const part of pieces) {
          if ('name' in part) {
            builder.add({ kind: 'GroupStarted', timestamp: 0, name: part.name });
            expected.push({ kind: 'GroupStarted', timestamp: 0, name: part.name } as never);
            continue;
          }
          builder.addLines(
            part.stream,
            part.at,
            Buffer.from(part.lines.map((message) => `${message}\n`).join('')),
            part.lines.length,
          );
          for (const message of part.lines) expected.push({ ...line(message, part.at), stream: part.stream } as never);
        }
        const bytes = expected.reduce(
          (sum, event) => sum + ('message' in event ? Buffer.byteLength(String(event.message)) : 0),
          0,
        );
        expect(builder.messageBytes).toBe(bytes);
        expect(builder.count).toBe(expected.length);
        expect(decodeBatch(builder.seal(firstSeq, 1))).toEqual(
          expected.map((event, i) => ({ ...event, seq: firstSeq + i, attempt: 1 })),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('B3a: each line of log.txt has its number, also after batches are merged, and lines of SYSTEM have none', () => {
  const system: EventDraft = { ...(line('s') as LogLineDraft), stream: 'SYSTEM' };
  const record: EventDraft = { ...(line('r') as LogLineDraft), stream: 'LOGGER' };
  const drafts = [line('a'), line('b'), system, record, line('c', 2)];
  const first = new BatchBuilder(41);
  for (const draft of drafts) first.add(draft);
  const second = new BatchBuilder(first.nextLine);
  for (const draft of drafts) second.add(draft);
  const events = [...decodeBatch(first.seal(1, 1)), ...decodeBatch(second.seal(6, 1))];
  const numbersOf = (list: readonly RunEvent[]) => list.map((event) => event.kind === 'LogLine' && event.line);
  expect(numbersOf(events)).toEqual([41, 42, undefined, 43, 44, 45, 46, undefined, 47, 48]);
  const merged = new BatchBuilder();
  for (const event of events) merged.addStored(event);
  expect(decodeBatch(merged.seal(1, 1))).toEqual(events);
  const older = new BatchBuilder();
  for (const draft of drafts) older.add(draft);
  expect(numbersOf(decodeBatch(older.seal(1, 1)))).toEqual(Array.from({ length: 5 }, () => undefined));
});

test('B1, J4: the header of a batch shows whether the batch ends with RunFinished', () => {
  const end: EventDraft = {
    kind: 'RunFinished',
    timestamp: 1,
    status: 'COMPLETED',
    exitCode: 0,
    failure: null,
    message: 'Run COMPLETED',
    lines: 0,
    bytes: 0,
    dropped: 0,
    digest: null,
  };
  expect(batchHeader(encodeBatch([end], 5, 10))).toMatchObject({ firstSeq: 5, lastSeq: 5, attempt: 10, closes: true });
});

test('typical lines take less than a fifth of their bytes in a full batch', () => {
  const builder = new BatchBuilder();
  const text = Array.from(
    { length: 1000 },
    (_, i) => `2026-11-22T10:00:${i % 60}Z worker-${i % 7} handled request ${i * 7919} in ${i % 97} ms, status 200\n`,
  );
  builder.addLines('STDOUT', 1, Buffer.from(text.join('')), text.length);
  expect(builder.seal(1, 1).length).toBeLessThan(text.join('').length / 5);
});

test('bytes that are not a batch are refused, also if a part of them is valid', () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('{}'),
    Buffer.from('R1234567x\n'),
    Buffer.from('Rnothing at all'),
    Buffer.from('Znothing at all'),
  ]) {
    expect(() => decodeBatch(bytes)).toThrow(CodecError);
  }
  const batch = encodeBatch([line('a'), line('b')], 1, 1);
  expect(() => decodeBatch(batch.subarray(0, batch.length - 4))).toThrow(CodecError);
});

const crafted = (body: Buffer, count: number): Buffer =>
  joinBatch({ firstSeq: 1, attempt: 1, closes: false, count }, body, zstdCompressSync(body));

test.each([
  ['segments without lines', 'o0\n', 1],
  ['a count below 0', 'o-1 1\n', 1],
  ['a count that is no integer', 'o1.5 1\n\n\n', 2],
  ['a count that is no number', 'ox 1\n', 1],
  ['more lines than its header says', `o9 1\n${'\n'.repeat(9)}`, 8],
  ['more events than its header says', 'j{}\nj{}\n', 1],
  ['events though its header says none', 'j{}\n', 0],
])('a batch with %s is refused', (_, text, count) => {
  expect(() => decodeBatch(crafted(Buffer.from(text), count))).toThrow(/as many events/);
});

test('a batch is refused at its first segment without events, and before it is inflated beyond its header', () => {
  const empty = Buffer.from('o0\n'.repeat(5_000_000));
  expect(() => decodeBatch(crafted(empty, 1))).toThrow(/too large/);
  const honest = Buffer.from(`j{}\n${'o0\n'.repeat(1_000_000)}`);
  expect(() => decodeBatch(crafted(honest, 2))).toThrow(/as many events/);
  const lying = crafted(honest, 2);
  lying.writeUInt32BE(4, 8);
  expect(() => decodeBatch(lying)).toThrow(/decompressed/);
});

test('the longest event beside a full batch is read', () => {
  const full = line('x'.repeat(LIMITS.appendBytes));
  const long: EventDraft = { ...(line('\u0001'.repeat(262_144)) as LogLineDraft), stream: 'LOGGER' };
  expect(decodeBatch(encodeBatch([full, long], 1, 1))).toHaveLength(2);
});
