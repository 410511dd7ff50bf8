import { expect, test } from 'vitest';
import { clipBetween } from '../../../src/domain/clip.ts';
import { BadUserInput } from '../../../src/domain/errors.ts';
import type { LinesDropped, RunEvent } from '../../../src/domain/events.ts';
import { type LogFilterInput, logFilter } from '../../../src/domain/filter.ts';
import { withoutAnsi } from '../../../src/domain/text/ansi.ts';

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
  droppedBytes: 99,
  droppedLines: 5,
  reason: 'LOG_LIMIT',
};
const passes = (filter: LogFilterInput, event: RunEvent) => logFilter(filter, 'filter')?.passes(event) ?? true;

test('a filter without conditions is null', () => {
  for (const filter of [
    undefined,
    null,
    {},
    { streams: [], levels: [], types: [], contains: '', exclude: '', logger: '' },
  ]) {
    expect(logFilter(filter, 'filter')).toBeNull();
  }
});

test('minLevel selects this level and all higher ones', () => {
  expect(passes({ minLevel: 'INFO' }, line())).toBe(true);
  expect(passes({ minLevel: 'WARNING' }, line())).toBe(false);
  expect(passes({ minLevel: 'WARNING' }, line({ level: 'CRITICAL' }))).toBe(true);
});

test('contains ignores case, in the line and in the filter', () => {
  expect(passes({ contains: 'WORLD' }, line())).toBe(true);
  expect(passes({ contains: 'wörld' }, line({ message: 'WÖRLD' }))).toBe(true);
  expect(passes({ contains: 'x' }, line())).toBe(false);
});

test('levels, logger and exclude select lines', () => {
  expect(passes({ levels: ['DEBUG', 'INFO'] }, line())).toBe(true);
  expect(passes({ levels: ['DEBUG', 'ERROR'] }, line())).toBe(false);
  expect(passes({ levels: ['INFO'], minLevel: 'WARNING' }, line())).toBe(false);
  expect(passes({ logger: 'db' }, line({ logger: 'db' }))).toBe(true);
  expect(passes({ logger: 'db' }, line({ logger: 'db.pool' }))).toBe(false);
  expect(passes({ logger: 'db' }, line())).toBe(false);
  expect(passes({ exclude: 'WORLD' }, line())).toBe(false);
  expect(passes({ exclude: 'x', contains: 'hello' }, line())).toBe(true);
});

test.each([
  ['colours within a word', '\u001b[31merr\u001b[0mor', 'error'],
  ['colours of 256 and true colour', '\u001b[38;5;196ma\u001b[48:2::1:2:3mb\u001b[m', 'ab'],
  ['a cursor that moves', 'a\u001b[2K\u001b[1Gb', 'ab'],
  ['a hyperlink, ended by BEL or ST', '\u001b]8;;http://x\u0007li\u001b]8;;\u001b\\nk', 'link'],
  ['a title', '\u001b]0;not this\u0007shown', 'shown'],
  ['device control', 'a\u001bPq#0;2;0\u001b\\b', 'ab'],
  ['character sets and keypads', '\u001b(B\u001b=o\u001b7k', 'ok'],
  ['8-bit control sequences', '\u009b31mred\u009b0m', 'red'],
])('contains and exclude ignore ANSI sequences: %s', (_name, message, text) => {
  expect(withoutAnsi(message)).toBe(text);
  expect(passes({ contains: text }, line({ message }))).toBe(true);
  expect(passes({ exclude: text }, line({ message }))).toBe(false);
});

test('an incomplete sequence stays, and a filter that contains a sequence finds it', () => {
  expect(withoutAnsi('\u001b]0;no end')).toBe('0;no end');
  expect(withoutAnsi('100 [31m %')).toBe('100 [31m %');
  expect(passes({ contains: '31' }, line({ message: '\u001b[31mred' }))).toBe(false);
  expect(passes({ contains: '\u001b[31m' }, line({ message: '\u001b[31mred' }))).toBe(true);
});

test('removing escape sequences takes linear time, in any order of them', () => {
  for (const part of ['\u001b', '\u001b[', '\u001b]', '\u001bP', '\u001b[1', '\u001b ', '\u009b0']) {
    const began = process.cpuUsage().user;
    withoutAnsi(part.repeat(1_000_000));
    // In quadratic time it would take hours.
    expect(process.cpuUsage().user - began).toBeLessThan(5_000_000);
  }
});

test('conditions on lines select lines only, and the end of the run passes', () => {
  const end = { ...line(), kind: 'RunFinished' } as unknown as RunEvent;
  for (const filter of [
    { minLevel: 'TRACE' },
    { levels: ['INFO'] },
    { streams: ['STDOUT'] },
    { contains: 'hello' },
    { exclude: 'zzz' },
    { logger: 'db', attempt: 2 },
  ] as const) {
    expect([filter, passes(filter, group)]).toEqual([filter, false]);
    expect([filter, passes(filter, end)]).toEqual([filter, true]);
    expect([filter, logFilter(filter, 'filter')?.selects(end)]).toEqual([filter, false]);
  }
  expect(passes({ minLevel: 'TRACE' }, line({ level: 'TRACE' }))).toBe(true);
  expect(passes({ types: ['LogLine'] }, end)).toBe(false);
});

test('with types, conditions on lines apply to lines only; attempt and types apply to all events', () => {
  const filter = {
    minLevel: 'ERROR',
    streams: ['STDERR'],
    contains: 'zzz',
    types: ['LogLine', 'GroupStarted'],
  } as const;
  expect(passes(filter, group)).toBe(true);
  expect(passes(filter, line())).toBe(false);
  expect(passes({ attempt: 1 }, group)).toBe(false);
  expect(passes({ types: ['LogLine'] }, group)).toBe(false);
  expect(passes({ types: ['LogLine', 'GroupStarted'], attempt: 2 }, group)).toBe(true);
  expect(passes({ streams: ['STDERR', 'LOGGER'] }, line({ stream: 'LOGGER' }))).toBe(true);
});

test('no filter removes a LinesDropped', () => {
  expect(passes({ types: ['LogLine'], attempt: 7, contains: 'zzz' }, dropped)).toBe(true);
});

test('an invalid filter is refused with the path of the argument', () => {
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
  expect(argument({ exclude: 'x'.repeat(1025) })).toBe('filter.exclude');
  expect(argument({ logger: 'x'.repeat(1025) })).toBe('filter.logger');
});

test('a LinesDropped is clipped at both ends to the requested range; its bytes and lines are then unknown', () => {
  expect(clipBetween(dropped, 10, 21)).toBe(dropped);
  expect(clipBetween(dropped, 14, 18)).toMatchObject({
    fromSeq: 15,
    seq: 17,
    count: 3,
    droppedBytes: null,
    droppedLines: null,
  });
  expect(clipBetween(dropped, 20, 99)).toBeNull();
  expect(clipBetween(dropped, 0, 11)).toBeNull();
});

test('a LinesDropped for events that never had seqs keeps its count', () => {
  const lost: LinesDropped = { ...dropped, fromSeq: 20, count: 700 };
  expect(clipBetween(lost, 19, 21)).toBe(lost);
  expect(clipBetween(lost, 20, 21)).toBeNull();
});
