import { expect, test } from 'vitest';
import { clipBetween } from '../../src/domain/clip.ts';
import { BadUserInput } from '../../src/domain/errors.ts';
import type { LinesDropped, RunEvent } from '../../src/domain/events.ts';
import { type LogFilterInput, logFilter } from '../../src/domain/filter.ts';

const line = (more: Partial<Extract<RunEvent, { kind: 'LogLine' }>> = {}): RunEvent => ({
  kind: 'LogLine',
  seq: 1,
  attempt: 1,
  timestamp: 0,
  level: 'INFO',
  stream: 'STDOUT',
  message: 'Hello World',
  ...more,
});
const group: RunEvent = { kind: 'GroupStarted', seq: 2, attempt: 2, timestamp: 0, name: 'g' };
const dropped: LinesDropped = {
  kind: 'LinesDropped',
  seq: 20,
  fromSeq: 11,
  attempt: 1,
  timestamp: 0,
  count: 10,
  bytes: 99,
  reason: 'LOG_LIMIT',
};
const passes = (filter: LogFilterInput, event: RunEvent) => logFilter(filter, 'filter')?.(event) ?? true;

test('a filter that asks for nothing is none', () => {
  for (const filter of [undefined, null, {}, { streams: [], types: [], contains: '', minLevel: 'TRACE' } as const]) {
    expect(logFilter(filter, 'filter')).toBeNull();
  }
});

test('minLevel takes this level and above', () => {
  expect(passes({ minLevel: 'INFO' }, line())).toBe(true);
  expect(passes({ minLevel: 'WARNING' }, line())).toBe(false);
  expect(passes({ minLevel: 'WARNING' }, line({ level: 'CRITICAL' }))).toBe(true);
});

test('contains does not care about case, on either side', () => {
  expect(passes({ contains: 'WORLD' }, line())).toBe(true);
  expect(passes({ contains: 'wörld' }, line({ message: 'WÖRLD' }))).toBe(true);
  expect(passes({ contains: 'x' }, line())).toBe(false);
});

test('minLevel, streams and contains apply to lines alone; attempt and types to all', () => {
  expect(passes({ minLevel: 'ERROR', streams: ['STDERR'], contains: 'zzz' }, group)).toBe(true);
  expect(passes({ attempt: 1 }, group)).toBe(false);
  expect(passes({ types: ['LogLine'] }, group)).toBe(false);
  expect(passes({ types: ['LogLine', 'GroupStarted'], attempt: 2 }, group)).toBe(true);
  expect(passes({ streams: ['STDERR', 'LOGGER'] }, line({ stream: 'LOGGER' }))).toBe(true);
});

test('nothing takes out a LinesDropped', () => {
  expect(passes({ types: ['LogLine'], attempt: 7, contains: 'zzz' }, dropped)).toBe(true);
});

test('what makes no sense is refused with its path', () => {
  const argument = (filter: LogFilterInput) => {
    try {
      logFilter(filter, 'filter');
    } catch (error) {
      return error instanceof BadUserInput ? error.argument : error;
    }
    return null;
  };
  expect(argument({ types: ['LogLine', 'Nonsense'] })).toBe('filter.types.1');
  expect(argument({ types: ['toString'] })).toBe('filter.types.0');
  expect(argument({ attempt: 0 })).toBe('filter.attempt');
  expect(argument({ contains: 'x'.repeat(1025) })).toBe('filter.contains');
});

test('a LinesDropped is clipped to what was asked for, at both ends, and then nobody knows its bytes', () => {
  expect(clipBetween(dropped, 10, 21)).toBe(dropped);
  expect(clipBetween(dropped, 14, 18)).toMatchObject({ fromSeq: 15, seq: 17, count: 3, bytes: null });
  expect(clipBetween(dropped, 20, 99)).toBeNull();
  expect(clipBetween(dropped, 0, 11)).toBeNull();
});

test('a LinesDropped that never had seqs keeps its count', () => {
  const lost: LinesDropped = { ...dropped, fromSeq: 20, count: 700 };
  expect(clipBetween(lost, 19, 21)).toBe(lost);
  expect(clipBetween(lost, 20, 21)).toBeNull();
});
