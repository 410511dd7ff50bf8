import { expect, test } from 'vitest';
import { cutAtPlaces, eventsOf, NOW, startOutput } from '../../../support/output.ts';

const out = (message: string, more: object = {}): object => ({
  kind: 'LogLine',
  timestamp: NOW,
  level: 'INFO',
  stream: 'STDOUT',
  message,
  ...more,
});
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

const CASES: readonly (readonly [title: string, bytes: string | Uint8Array, events: readonly object[]])[] = [
  ['no bytes give no line', '', []],
  ['one line', 'a\n', [out('a')]],
  ['a last line without its break is a line', 'a\nb', [out('a'), out('b')]],
  ['empty lines are lines', '\n\na\n\n', [out(''), out(''), out('a'), out('')]],
  ['CR LF ends a line as LF does', 'a\r\nb\r\n\r\n', [out('a'), out('b'), out('')]],
  ['CR LF and LF in one output', 'a\r\nb\nc\r\n', [out('a'), out('b'), out('c')]],
  ['CR CR LF keeps the text', 'a\r\r\nb\r\r\r\n', [out('a'), out('b')]],
  ['a lone CR keeps the last state', '1%\r50%\r100%\nb\n', [out('100%'), out('b')]],
  ['CR at the start of each state keeps the last state', '\r1%\r50%\r100%\n', [out('100%')]],
  ['a last state without its break is a line', '1%\r50%', [out('50%')]],
  ['a last state that ends with CR is a line', '1%\r50%\r', [out('50%')]],
  ['a lone CR at the end gives no line', 'done\n\r', [out('done')]],
  ['CR states between plain lines', 'a\nb\r\n1\r2\nc', [out('a'), out('b'), out('2'), out('c')]],
  [
    'invalid UTF-8 becomes U+FFFD',
    latin('a\xffb\xc3\n\xe2\x82\nz\n'),
    [out('a\ufffdb\ufffd'), out('\ufffd'), out('z')],
  ],
  ['surrogates in UTF-8 are invalid', latin('\xed\xa0\x80\n'), [out('\ufffd\ufffd\ufffd')]],
  ['overlong UTF-8 is invalid', latin('\xc0\xaf\n'), [out('\ufffd\ufffd')]],
  ['multi-byte characters', 'ä€😀 日本\n', [out('ä€😀 日本')]],
  ['a byte order mark stays', '\ufeffa\n', [out('\ufeffa')]],
  ['NUL stays', 'a\0b\n', [out('a\0b')]],
  ['ANSI stays', '\u001b[31mred\u001b[0m\n', [out('\u001b[31mred\u001b[0m')]],
  ['line separators of Unicode do not end a line', 'a\u2028b\u0085c\vd\fe\n', [out('a\u2028b\u0085c\vd\fe')]],
  ['white space stays', '  a\t \n', [out('  a\t ')]],
  ['broken JSON is a plain line', '{"level":"info","msg":"a"\n', [out('{"level":"info","msg":"a"')]],
  ['an array is a plain line', '[{"level":"info","msg":"a"}]\n', [out('[{"level":"info","msg":"a"}]')]],
  ['JSON without a level is a plain line', '{"msg":"a"}\n', [out('{"msg":"a"}')]],
  ['JSON without a message is a plain line', '{"level":"info"}\n', [out('{"level":"info"}')]],
  ['an unknown level makes a plain line', '{"level":"high","msg":"a"}\n', [out('{"level":"high","msg":"a"}')]],
  [
    'two records on a line are a plain line',
    '{"level":30,"msg":"a"}{"level":30,"msg":"b"}\n',
    [out('{"level":30,"msg":"a"}{"level":30,"msg":"b"}')],
  ],
  [
    'text that looks like an event of the service is a plain line',
    '{"kind":"RunFinished","status":"COMPLETED","seq":1}\n',
    [out('{"kind":"RunFinished","status":"COMPLETED","seq":1}')],
  ],
  [
    'text that looks like a stored batch is a plain line',
    'j{"kind":"RunFinished"}\no1 5\n',
    [out('j{"kind":"RunFinished"}'), out('o1 5')],
  ],
  ['a 200 kB line is cut', `${'x'.repeat(200_000)}\nb\n`, [out('x'.repeat(65_536), { truncated: true }), out('b')]],
  ['a 200 kB line without its break is cut', 'x'.repeat(200_000), [out('x'.repeat(65_536), { truncated: true })]],
  ['a line of exactly the limit is not cut', `${'x'.repeat(65_536)}\n`, [out('x'.repeat(65_536))]],
  [
    'a line is not cut inside a character',
    `x${'ä'.repeat(40_000)}\n`,
    [out(`x${'ä'.repeat(32_767)}`, { truncated: true })],
  ],
  [
    'a long line of invalid bytes is cut',
    Buffer.alloc(40_000, 0xff),
    [out('\ufffd'.repeat(21_845), { truncated: true })],
  ],
  ['a long state is cut', `${'x'.repeat(200_000)}\r\nb`, [out('x'.repeat(65_536), { truncated: true }), out('b')]],
  ['a short state follows a long one', `${'x'.repeat(200_000)}\rb\n`, [out('b')]],
  [
    'a record that is too long keeps its level, and its message is cut',
    `{"level":"error","msg":"${'x'.repeat(70_000)}"}\n`,
    [out('x'.repeat(65_536), { level: 'ERROR', stream: 'LOGGER', truncated: true })],
  ],
  [
    'a workflow command that is too long keeps its level, and its text is cut',
    `::error::${'x'.repeat(70_000)}\n`,
    [out('x'.repeat(65_536), { level: 'ERROR', annotation: { kind: 'ERROR' }, truncated: true })],
  ],
  ['a record with CR LF', '{"level":30,"msg":"a"}\r\n', [out('a', { stream: 'LOGGER' })]],
  [
    'a record without a line break and with white space around it',
    ' {"level":30,"msg":"a"} ',
    [out('a', { stream: 'LOGGER' })],
  ],
];

test.for(CASES)('%s', ([, bytes, events]) => {
  expect(eventsOf(bytes)).toEqual(events);
});

test.for(CASES.filter(([, bytes]) => bytes.length < 1000))('%s, at every cut', ([, text, events]) => {
  const bytes = Buffer.from(text as Uint8Array);
  for (let at = 0; at <= bytes.length; at += 1) expect(eventsOf(cutAtPlaces(bytes, [at]))).toEqual(events);
  expect(eventsOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual(events);
});

test('a line has the time of the read that completed it', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('a\nb'), 1000);
  stdout.write(Buffer.from('c\nd'), 2000);
  stdout.end(3000);
  expect(sink.drafts.map((draft) => draft.timestamp)).toEqual([1000, 2000, 3000]);
});

test('each pipe keeps its own incomplete line and sets its own stream', () => {
  const { stdout, stderr, sink } = startOutput();
  stdout.write(Buffer.from('out'), NOW);
  stderr.write(Buffer.from('err'), NOW);
  stdout.write(Buffer.from('put\n'), NOW);
  stderr.write(Buffer.from('or\n'), NOW);
  expect(sink.drafts).toEqual([out('output'), { ...out('error'), stream: 'STDERR' }]);
});

test('end() of a pipe can be called twice', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('a'), NOW);
  stdout.end(NOW);
  stdout.end(NOW);
  expect(sink.messages).toEqual(['a']);
});

test('the memory of a chunk can be reused after the call', () => {
  const { stdout, sink } = startOutput();
  const chunk = Buffer.from('a\nbc');
  stdout.write(chunk, NOW);
  chunk.fill('z');
  stdout.end(NOW);
  expect(sink.messages).toEqual(['a', 'bc']);
});

test('the plain lines of a chunk reach the sink in one call', () => {
  const { stdout, sink } = startOutput({ secrets: ['hunter2', 'correct horse'] });
  stdout.write(Buffer.from('a line\n  another one\n\n'.repeat(1000)), NOW);
  expect(sink.messages).toHaveLength(3000);
  expect(sink.plainCalls).toBe(1);
});

/** MiB that are read before memory is measured: on a busy machine so much garbage can wait to be collected. */
const WARM_UP_CHUNKS = 64;

test('a line of 1 GiB does not grow memory', () => {
  const { stdout, sink } = startOutput({ secrets: ['hunter2'] });
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  for (let count = 0; count < WARM_UP_CHUNKS; count += 1) stdout.write(chunk, NOW);
  const before = process.memoryUsage().rss;
  for (let count = WARM_UP_CHUNKS; count < 1024; count += 1) stdout.write(chunk, NOW);
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  stdout.write(Buffer.from('\nafter\n'), NOW);
  expect(sink.drafts).toEqual([out('x'.repeat(65_536), { truncated: true }), out('after')]);
});

test('a progress bar of 256 MiB without a line break does not grow memory', () => {
  const { stdout, sink } = startOutput();
  const chunk = Buffer.from(`${'x'.repeat(1023)}\r`.repeat(1024));
  for (let count = 0; count < WARM_UP_CHUNKS; count += 1) stdout.write(chunk, NOW);
  const before = process.memoryUsage().rss;
  for (let count = WARM_UP_CHUNKS; count < 256; count += 1) stdout.write(chunk, NOW);
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  stdout.end(NOW);
  expect(sink.messages).toEqual(['x'.repeat(1023)]);
});
