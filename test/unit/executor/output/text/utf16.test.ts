import { expect, test } from 'vitest';
import { cutAtPlaces, eventsOf, textsOf } from '../../../../support/output.ts';

const messages = (chunks: Parameters<typeof eventsOf>[0]): string[] =>
  eventsOf(chunks).flatMap((event) => (event.kind === 'LogLine' ? [event.message] : []));
const little = (text: string): Buffer => Buffer.from(text, 'utf16le');
const big = (text: string): Buffer => little(text).swap16();
const TEXT = 'a\r\nb€上😀Ċ\r\n\r\n日本語のテキスト\r\nlast';
const LINES = ['a', 'b€上😀Ċ', '', '日本語のテキスト', 'last'];

const CASES: readonly (readonly [title: string, bytes: Buffer, lines: readonly string[]])[] = [
  ['little endian with a mark', little(`\ufeff${TEXT}`), LINES],
  ['big endian with a mark', big(`\ufeff${TEXT}`), LINES],
  ['with LF alone', little(`\ufeff${TEXT.replaceAll('\r\n', '\n')}\n`), LINES],
  [
    'in the middle of UTF-8',
    Buffer.concat([Buffer.from('ä\n'), little(`\ufeff${TEXT}\r\n`), Buffer.from('ä\nb\n')]),
    ['ä', ...LINES, 'ä', 'b'],
  ],
  ['twice', Buffer.concat([little('\ufeffa\r\n'), big('\ufeffb\r\n'), little('\ufeffc\n')]), ['a', 'b', 'c']],
  ['little endian without a mark', little('a\r\nbä€\r\n\r\n日本\r\n'), ['a', 'bä€', '', '日本']],
  ['a mark alone', little('\ufeff'), []],
  ['half a character', Buffer.concat([little('\ufeffab'), Buffer.from('c')]), ['ab\ufffd']],
  ['a long line', little(`\ufeff${'é'.repeat(1000)}\n`), ['é'.repeat(1000)]],
];

test.for(CASES)('UTF-16, %s, is read', ([, bytes, lines]) => {
  expect(messages(bytes)).toEqual(lines);
  for (let at = 0; at <= Math.min(bytes.length, 120); at += 1)
    expect(messages(cutAtPlaces(bytes, [at]))).toEqual(lines);
  expect(messages([...bytes].map((byte) => Buffer.of(byte)))).toEqual(lines);
});

test('big-endian UTF-16 without a byte order mark is not decoded, and no text is lost', () => {
  expect(messages(big('ab\r\ncd\r\n')).join('').replaceAll('\0', '')).toBe('ab\rcd\r');
});

test('records, commands, progress bars and secrets work in UTF-16 as in UTF-8', () => {
  const text = '1%\r50%\r100%\r\n{"level":"error","msg":"x hunter2"}\r\n::warning::y\r\n::output::{"a":1}\r\n';
  const options = { secrets: ['hunter2'] };
  expect(eventsOf(little(`\ufeff${text}`), options)).toEqual(eventsOf(text, options));
  expect(textsOf(eventsOf(little('x hunter2\r\n'), options)).join('\n')).not.toContain('hunter2');
});

test.for([[0xff], [0xfe], [0xff, 0x61, 0x0a], [0x61, 0xff, 0xfe, 0x0a], [0xfe, 0xfe, 0x0a]])(
  '%j is not read as UTF-16',
  (bytes) => {
    const decoded = Buffer.from(bytes).toString().replace(/\n$/, '');
    expect(messages(Buffer.from(bytes))).toEqual([decoded]);
  },
);
