import { expect, test } from 'vitest';
import { mayLoseNumbers } from '../../../../src/domain/text/exactJson.ts';
import { eventsOf } from '../../../support/output.ts';

const MIB = 1024 * 1024;
const fill = (piece: string): string => piece.repeat(Math.floor((MIB - 100) / piece.length));

// If the time for one of them grew with the square of its length, the test would time out.
test.for([
  ['sequences before text', `\u001b[0m::error::${fill('\u001b[0m')}x`],
  ['sequences without an end', `{${fill('\u001b[1;')}}`],
  ['NaN and a text without its end', `{"a":NaN,"b":"${fill('\\"')}`],
  ['NaN and quotation marks', `{"a":NaN,${fill('"')}`],
  ['a doubtful number and a text without its end', `{"a":1.50,"b":"${fill('\\"')}`],
  ['members of the same name', `{"level":"info","msg":"x"${fill(',"msg":1')}}`],
  ['braces', `{"level":"info","msg":"x","a":${fill('{')}`],
  ['brackets', `{"level":"info","msg":"x","a":${fill('[')}`],
  ['escapes at a cut', `{"level":"info","msg":"${fill('\\u0041')}${fill('\\')}`],
  ['members at the end', `{"level":"info","msg":"x","a":[${fill('{"a":1,"b":2},')}${fill('{"a":1,"b":2},')}0]}`],
  ['a template', `{"@t":"2024-05-06T07:08:09Z","@mt":"${fill('{a{')}"}`],
  ['a stack of blanks', `{"level":"error","msg":"x","stack":"${fill('\\n    ')}"}`],
  ['a stack of frames', `{"level":"error","msg":"x","stack":"${fill('\\n at a')}"}`],
  ['digits', `{"level":"info","msg":"x","n":${fill('1')}}`],
  ['digits and points', `{"level":"info","msg":"x","n":${fill('1.')}}`],
  ['an exponent', '{"level":"info","msg":"x","n":1e999999999}'],
  ['a command of commas', `::error ${fill('a=b,')}::x`],
  ['half byte order marks of UTF-16', Buffer.alloc(MIB, Buffer.from([0xff, 0x0a]))],
  [
    'UTF-16 of line breaks',
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.alloc(MIB / 8, Buffer.from([0x0a, 0x00]))]),
  ],
  [
    'UTF-16 without a line break',
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.alloc(MIB, Buffer.from([0x0a, 0x0a]))]),
  ],
] as const)('a line of 1 MiB is read in linear time: %s', ([, bytes]) => {
  for (const secrets of [[], ['hunter2', '4815162342108']]) {
    expect(eventsOf([bytes, '\n'], { secrets }).length).toBeGreaterThan(0);
  }
});

test('the search for numbers takes linear time', () => {
  expect(mayLoseNumbers(`{"a":1.50,"b":"${fill('\\"')}`)).toBe(true);
  expect(mayLoseNumbers(`{"a":"x 1.50","b":"${fill('\\"')}`)).toBe(false);
});
