import { expect, test } from 'vitest';
import { HEAD_BYTES, LINE_BYTES, linesFrom, splitLines } from '../../../../bench/lines.ts';
import { LineScanner } from '../../../../bench/load/scan.ts';

/** Lines as a server might frame them. */
const framed = (numbers: readonly number[]): Buffer =>
  Buffer.concat(
    numbers.flatMap((number) => [
      Buffer.from(`{"seq":${number},"message":"`),
      linesFrom(number, 1, 1234567890).subarray(0, LINE_BYTES),
      Buffer.from('"},'),
    ]),
  );
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);
const scanned = (bytes: Buffer): LineScanner => {
  const scanner = new LineScanner();
  scanner.scan(bytes, 0, bytes.length);
  return scanner;
};

test('A line of the bench is 100 bytes long and contains its number and its time stamp.', () => {
  const lines = splitLines(linesFrom(41, 3, 987));
  expect(lines.map((line) => line.length)).toEqual([LINE_BYTES, LINE_BYTES, LINE_BYTES]);
  expect(lines[1]?.slice(0, HEAD_BYTES)).toBe('^00000042 0000000987');
});

test('A viewer that received every line is recognized, wherever the pieces are cut.', () => {
  const bytes = framed(upTo(30));
  for (let size = 1; size < 200; size += 1) {
    const stamps: number[] = [];
    const scanner = new LineScanner({ onStamp: (stamp) => stamps.push(stamp) });
    for (let at = 0; at < bytes.length; at += size) {
      // As in the load client: memory is reused, so old bytes follow the piece.
      const piece = Buffer.concat([bytes.subarray(at, at + size), framed([7, 8])]);
      scanner.scan(piece, 0, Math.min(size, bytes.length - at));
    }
    expect([scanner.last, scanner.fault, new Set(stamps)]).toEqual([30, null, new Set([1234567890])]);
    expect(stamps).toHaveLength(30);
  }
});

test('A line that is missing, repeated or out of order is a fault, and is not counted.', () => {
  expect(scanned(framed([1, 2, 4])).fault).toBe('line 4 came after line 2');
  expect(scanned(framed([1, 2, 2])).fault).toBe('line 2 came after line 2');
  expect(scanned(framed([2, 1])).fault).toBe('line 2 came after line 0');
  expect(scanned(framed([1, 2, 4, 5])).last).toBe(2);
});

test('Lines with number 0 are for warm-up, and allowed only before the first line.', () => {
  const warmed = scanned(framed([0, 0, 1, 2]));
  expect([warmed.warm, warmed.last, warmed.fault]).toEqual([true, 2, null]);
  expect(scanned(framed([1, 0])).fault).toBe('line 0 came after line 1');
});

test('A viewer that starts in the middle of a run counts from its start.', () => {
  const scanner = new LineScanner({ after: 10 });
  const bytes = framed([0, 11, 12]);
  scanner.scan(bytes, 0, bytes.length);
  expect([scanner.last, scanner.lines, scanner.fault]).toEqual([12, 2, null]);
});

const scannedWith = (options: { every?: number; copies?: number; after?: number }, numbers: readonly number[]) => {
  const scanner = new LineScanner(options);
  const bytes = framed(numbers);
  scanner.scan(bytes, 0, bytes.length);
  return scanner;
};

test('With a filter, only the lines that match are expected and counted.', () => {
  const scanner = scannedWith({ every: 10, after: 5 }, [0, 10, 20, 30]);
  // 39 is the last number before the next expected line.
  expect([scanner.lines, scanner.last, scanner.fault, scanner.warm]).toEqual([3, 39, null, true]);
});

test('With a filter, a line that is missing, repeated or not expected is a fault.', () => {
  expect(scannedWith({ every: 10 }, [10, 30]).fault).toBe('line 30 came after line 10');
  expect(scannedWith({ every: 10 }, [10, 10]).fault).toBe('line 10 came after line 10');
  expect(scannedWith({ every: 10 }, [10, 15]).fault).toBe('line 15 came after line 10');
});

test('A line that is expected several times counts once all its copies have arrived.', () => {
  expect(scannedWith({ copies: 2 }, [0, 0, 1, 1, 2]).lines).toBe(1);
  expect(scannedWith({ copies: 2 }, [1, 1, 2, 2]).lines).toBe(2);
  expect(scannedWith({ copies: 2 }, [1, 2]).fault).toBe('line 2 came after line 0');
});
