import { expect, test } from 'vitest';
import { eventsOf, NOW, startOutput, textsOf } from '../../../support/output.ts';

const line = (message: string, more: object = {}): object => ({
  kind: 'LogLine',
  timestamp: NOW,
  level: 'INFO',
  stream: 'STDOUT',
  message,
  ...more,
});
/** The line of a command such as `::error::`. */
const command = (kind: 'DEBUG' | 'NOTICE' | 'WARNING' | 'ERROR', message: string, more: object = {}): object =>
  line(message, { level: kind === 'NOTICE' ? 'INFO' : kind, annotation: { kind }, ...more });
const progress = (more: object): object => ({
  kind: 'ProgressUpdated',
  timestamp: NOW,
  label: null,
  total: null,
  unit: null,
  ...more,
});

const custom = (name: string, data: unknown): object => ({ kind: 'CustomEvent', timestamp: NOW, name, data });

const CASES: readonly (readonly [text: string, events: readonly object[]])[] = [
  [
    '::group::build\n::endgroup::',
    [
      { kind: 'GroupStarted', timestamp: NOW, name: 'build' },
      { kind: 'GroupEnded', timestamp: NOW, name: 'build' },
    ],
  ],
  [
    '::group::a\n::group::b\n::endgroup::\n::endgroup::\n::endgroup::',
    [
      { kind: 'GroupStarted', timestamp: NOW, name: 'a' },
      { kind: 'GroupStarted', timestamp: NOW, name: 'b' },
      { kind: 'GroupEnded', timestamp: NOW, name: 'b' },
      { kind: 'GroupEnded', timestamp: NOW, name: 'a' },
      line('::endgroup::'),
    ],
  ],
  ['::group::left open\nx', [{ kind: 'GroupStarted', timestamp: NOW, name: 'left open' }, line('x')]],
  ['::debug::a b', [command('DEBUG', 'a b')]],
  ['::notice::a::b', [command('NOTICE', 'a::b')]],
  ['::warning::', [command('WARNING', '')]],
  [
    '::error file=a%2Cb.ts,line=3,title=A%3A B::no %25 %0Aline%3A',
    [
      command('ERROR', 'no % \nline%3A', {
        fields: { file: 'a,b.ts', line: '3', title: 'A: B' },
        annotation: { kind: 'ERROR', file: 'a,b.ts', line: 3, title: 'A: B' },
      }),
    ],
  ],
  ['::ERROR::a\n \t::Warning::b', [command('ERROR', 'a'), command('WARNING', 'b')]],
  ['::error::%250A %0d', [command('ERROR', '%0A %0d')]],
  ['::error __proto__=1::a', [command('ERROR', 'a', { fields: JSON.parse('{"__proto__":"1"}') as object })]],
  [
    'x ::error::a\n: :error::a\n::error\n::error:a',
    [line('x ::error::a'), line(': :error::a'), line('::error'), line('::error:a')],
  ],
  [
    '::set-output name=a::b\n::toString::\n::::\n::',
    [line('::set-output name=a::b'), line('::toString::'), line('::::'), line('::')],
  ],
  [
    '::progress current=3,total=10,unit=files::Copying',
    [progress({ current: 3, total: 10, unit: 'files', label: 'Copying' })],
  ],
  [
    '::progress Current=.5, total=1e3::\n::progress current=-1,total=::',
    [progress({ current: 0.5, total: 1000 }), progress({ current: -1 })],
  ],
  ...['', ' current=', ' total=3', ' current=x', ' current=Infinity', ' current=NaN', ' current=1e999', ' current=0x10']
    .concat([' current=1,total=many', ' current=1,total=1e999'])
    .map((properties): [string, object[]] => [`::progress${properties}::a`, [line(`::progress${properties}::a`)]]),
  [
    '::output::{"a":[1,null,"x"]}\n::output::null\n::output:: "b" ',
    [
      { kind: 'OutputProduced', timestamp: NOW, value: { a: [1, null, 'x'] } },
      { kind: 'OutputProduced', timestamp: NOW, value: null },
      { kind: 'OutputProduced', timestamp: NOW, value: 'b' },
    ],
  ],
  [
    '::output::{"a":"50%25"}\n::output::{"a":"%0A\\ud800"}',
    [
      { kind: 'OutputProduced', timestamp: NOW, value: { a: '50%' } },
      { kind: 'OutputProduced', timestamp: NOW, value: { a: '%0A\ufffd' } },
    ],
  ],
  [
    `::output::\n::output::{a\n::output::${'['.repeat(9999)}${']'.repeat(9999)}`,
    [line('::output::'), line('::output::{a'), line(`::output::${'['.repeat(9999)}${']'.repeat(9999)}`)],
  ],
  [
    '::output::{"__proto__":{"a":1}}',
    [{ kind: 'OutputProduced', timestamp: NOW, value: JSON.parse('{"__proto__":{"a":1}}') as object }],
  ],
  [
    '::event name=checkpoint::{"step":3}\n::EVENT NAME=a b,x=1:: null \n::event name=50%25%3A::"%0A"',
    [custom('checkpoint', { step: 3 }), custom('a b', null), custom('50%:', '%0A')],
  ],
  ...[
    '',
    '::event::{}',
    '::event name=::{}',
    '::event name= ::{}',
    '::event name=a::',
    '::event name=a::{',
    '::event a::{}',
  ]
    .concat(['::event name=a%0Ab::{}', '::event name=a\u0007::{}', '::event name=a::undefined', '::event name=a:{}'])
    .concat([`::event name=${'n'.repeat(129)}::1`, `::event name=${'ü'.repeat(65)}::1`])
    .concat([`::event name=deep::${'['.repeat(101)}${']'.repeat(101)}`])
    .filter((text) => text !== '')
    .map((text): [string, object[]] => [text, [line(text)]]),
  [`::event name=${'n'.repeat(128)}::1`, [custom('n'.repeat(128), 1)]],
  ['::event name=p::{"__proto__":1}', [custom('p', JSON.parse('{"__proto__":1}'))]],
  [
    '::add-mask::hunter2\n::event name=a hunter2::{"a":["hunter2"],"hunter2":1,"url":"http://hunter2@x"}',
    [custom('a ***', { a: ['***'], '***': 1, url: 'http://***@x' })],
  ],
  ['::stop-commands::event\n::event name=a::1', [line('::stop-commands::event'), custom('a', 1)]],
  [
    '::stop-commands::Tok-1\n::error::a\n::Tok-2::\n{"level":30,"msg":"r"}\n::tok-1::\n::error::b',
    [line('::error::a'), line('::Tok-2::'), line('r', { stream: 'LOGGER' }), command('ERROR', 'b')],
  ],
  [
    '::stop-commands::\n::stop-commands::Error\n::error::b',
    [line('::stop-commands::'), line('::stop-commands::Error'), command('ERROR', 'b')],
  ],
  ['::add-mask::hunter2\na hunter2 b', [line('a *** b')]],
  ['::add-mask::\n::add-mask:: ', [line('::add-mask::'), line('::add-mask:: ')]],
];

test.for(CASES)('%s', ([text, events]) => {
  expect(eventsOf(text)).toEqual(events);
  expect(eventsOf(`${text.replaceAll('\n', '\r\n')}\r\n`)).toEqual(events);
});

test('masks, groups and stop-commands apply to both pipes', () => {
  const { stdout, stderr, sink } = startOutput();
  stdout.write(Buffer.from('half hunter2'), NOW);
  stderr.write(Buffer.from('::add-mask::hunter2\n::group::g\n::stop-commands::tok\n'), NOW);
  stdout.write(Buffer.from('\n::endgroup::\n::tok::\n::endgroup::\n'), NOW);
  expect(sink.drafts).toEqual([
    { kind: 'GroupStarted', timestamp: NOW, name: 'g' },
    line('half ***'),
    line('::endgroup::'),
    { kind: 'GroupEnded', timestamp: NOW, name: 'g' },
  ]);
});

test('the data of an event is limited to 96 KiB', () => {
  const event = (bytes: number) => `::event name=a::"${'x'.repeat(bytes - 2)}"`;
  const kinds = (text: string) => eventsOf(text, { maxLineBytes: 1_000_000 }).map(({ kind }) => kind);
  expect(kinds(event(96 * 1024))).toEqual(['CustomEvent']);
  expect(kinds(event(96 * 1024 + 1))).toEqual(['LogLine']);
});

test('lines with a level on standard error keep the stream STDERR', () => {
  const { stderr, sink } = startOutput();
  stderr.write(Buffer.from('::notice::a\nb\n'), NOW);
  expect(sink.drafts).toEqual([command('NOTICE', 'a', { stream: 'STDERR' }), line('b', { stream: 'STDERR' })]);
});

test('at most 100 groups are open: a further one closes the outermost, and says so', () => {
  const events = eventsOf('::group::g\n'.repeat(1000) + '::endgroup::\n'.repeat(101));
  const kinds = (implicit: boolean) =>
    events.filter((event) => event.kind === 'GroupEnded' && (event.implicit ?? false) === implicit);
  expect(events.filter(({ kind }) => kind === 'GroupStarted')).toHaveLength(1000);
  expect(kinds(true)).toHaveLength(900);
  expect(kinds(false)).toHaveLength(100);
  expect(events.at(-1)).toEqual(line('::endgroup::'));
});

test('a value of add-mask that is too long is not shown, neither by the command nor by later lines', () => {
  const secret = Array.from({ length: 20_000 }, (_, at) => `k${at}`).join('-');
  const texts = textsOf(eventsOf(`::add-mask::${secret}\n${secret}\n`)).join('\n');
  expect(texts).not.toContain('k1-k2');
  expect(texts).toContain('::add-mask::***');
});

test('too many masks are refused, and the warning shows none of them', () => {
  const { stdout, sink } = startOutput();
  const value = (at: number): string => `${at}`.padEnd(60_000, `s${at}`);
  for (let at = 0; at < 60; at += 1) stdout.write(Buffer.from(`::add-mask::${value(at)}\n`), NOW);
  expect(sink.drafts.length).toBeGreaterThan(0);
  expect(sink.drafts[0]).toMatchObject({ level: 'WARNING' });
  expect(textsOf(sink.drafts).join('\n')).not.toMatch(/s\d/);
});

test('K8: the properties of error, warning, notice and debug are an annotation, in which numbers are numbers', () => {
  const annotation = (text: string) => eventsOf(text).map((event) => event.kind === 'LogLine' && event.annotation);
  expect(annotation('::error file=a%2Cb.js,line=3,endLine=4,col=5,endColumn=6,title=50%25%3A::t')).toEqual([
    { kind: 'ERROR', title: '50%:', file: 'a,b.js', line: 3, endLine: 4, column: 5, endColumn: 6 },
  ]);
  expect(annotation('::warning file=a.js, LINE = 7 ,column=2,endcolumn=3::t')).toEqual([
    { kind: 'WARNING', file: 'a.js', line: 7, column: 2, endColumn: 3 },
  ]);
  expect(annotation('::notice line=x,col=-1,endLine=1.5,title=::t\n::debug line=99999999999::t')).toEqual([
    { kind: 'NOTICE' },
    { kind: 'DEBUG' },
  ]);
  expect(annotation('plain\n{"level":"error","msg":"m"}\n::group::g')).toEqual([undefined, undefined, false]);
});

test('secrets in an annotation are masked, and a number that is one is left out', () => {
  const events = eventsOf(
    '::add-mask::hunter2\n::add-mask::4711\n::error file=hunter2.js,line=4711,title=a hunter2::t',
  );
  expect(events).toMatchObject([{ annotation: { kind: 'ERROR', file: '***.js', title: 'a ***' } }]);
  expect(textsOf(events).join('\n')).not.toMatch(/hunter2|4711/);
});
