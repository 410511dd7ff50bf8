/** No secret is visible in the output of a command, in any of the forms listed in docs/reference/masking.md. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISGUISES, hex, SEQUENCES, stripped } from '../support/disguises.ts';
import { cutAtPlaces, eventsOf, NOW, startOutput, textsOf } from '../support/output.ts';

const shown = (text: string | Uint8Array, secrets: readonly string[]): string =>
  textsOf(eventsOf(text, { secrets })).join('\n');
const SECRETS = [
  'p@ss "wörd"/+\\<1>&\'$x',
  '50%off %25 now',
  'first%0Asecond%2Cthird',
  'plain-Token-0123456789',
  '~!*()_-.é😀/?=&#',
  '1234567890123',
];

describe.for(Object.entries(DISGUISES))('a secret in the form: %s', ([, disguise]) => {
  test.for(SECRETS)('is hidden: %s', (secret) => {
    const form = disguise(secret);
    for (const line of [
      `<${form}>`,
      `::error::x ${form}`,
      `::group::${form}`,
      `::error file=${form.replaceAll(',', '%2C')}::x`,
      `::progress current=1,unit=u::${form}`,
      `::output::${JSON.stringify({ a: form })}`,
      `::output::${JSON.stringify({ a: form }).replaceAll('%', '%25')}`,
      `::event name=a::${JSON.stringify([form])}`,
      JSON.stringify({
        level: 'info',
        msg: form,
        logger: form,
        [form]: form,
        err: { type: form, message: form, stack: form },
      }),
    ]) {
      const texts = shown(`${line}\n`, [secret]);
      expect(texts).not.toContain(form);
      if (form.length > 6) expect(texts, line).toContain('***');
    }
  });
});

test.for(SEQUENCES)('a secret is hidden if the ANSI sequence %j divides it', (sequence) => {
  const secret = 'plain-Token-0123456789';
  for (const form of [secret, Buffer.from(secret).toString('base64'), hex(secret)]) {
    for (const at of [1, 2, form.length >> 1, form.length - 1]) {
      const divided = `${form.slice(0, at)}${sequence}${form.slice(at)}`;
      for (const line of [
        `a ${divided} b`,
        `::error::${divided}`,
        `::group::${divided}`,
        JSON.stringify({ level: 'info', msg: divided, logger: divided, [divided]: divided }),
        `{"level":"info","msg":"${divided}"}`,
        `::output::${JSON.stringify(divided)}`,
        `1%\r${divided}`,
        ...(form === secret ? [`${[...form].join(sequence)}`] : []),
      ]) {
        const chunks = cutAtPlaces(Buffer.from(`${line}\n`), [at + 3]);
        const texts = textsOf(eventsOf(chunks, { secrets: [secret] }));
        expect(stripped(texts.join('\n')), line).not.toContain(form);
      }
    }
  }
});

test.for([
  ['plain-To', 'ken'],
  ['plain\u001b[1m-To', 'ken'],
  ['plain-To\u001b[1', 'mken'],
  ['plain-To\u001b]8;;https://example.com', '\u001b\\ken'],
])(
  'no part of a secret is shown while a progress bar has printed only its beginning: %j',
  ([first = '', rest = '']) => {
    const { stdout, sink } = startOutput({ secrets: ['plain-Token'] });
    stdout.write(Buffer.from(`\r10% ${first}`), NOW);
    stdout.tick(NOW + 150);
    stdout.write(Buffer.from(`${rest}\n`), NOW + 300);
    stdout.end(NOW + 300);
    expect(textsOf(sink.drafts).join('\n')).not.toContain('plain');
  },
);

test('what is around a secret that ANSI sequences divide is not changed', () => {
  const line = 'a\u001b[31mto\u001b[1mken\u001b[0mb \u001b[4mfree\u001b[0m\u001b[31';
  expect(eventsOf(`${line}\n`, { secrets: ['token'] })).toMatchObject([
    { message: 'a\u001b[31m***\u001b[0mb \u001b[4mfree\u001b[0m\u001b[31' },
  ]);
});

test('a line of a secret of several lines is hidden as a whole line, also in colour', () => {
  const texts = shown('\u001b[32mif\u001b[0m\nif x\n', ['if\nsecret-of-two-lines']);
  expect(texts).toContain('***');
  expect(texts).toContain('if x');
});

test.for([
  ['"quoted-Token-0123"', 'quoted-Token-0123'],
  ['first-part&second-part&third-part', 'third-part'],
  ['first-part&second-part&third-part', 'first-part&second-part&'],
  ['first-part&+second-part&third-part', 'second-part&third-part'],
  ['first-part&+second-part&third-part', 'first-part&+'],
])('a part of a secret that shells print alone is hidden: of %s %s', ([secret = '', part = '']) => {
  expect(shown(`x ${part} y\n`, [secret])).toContain('x *** y');
});

test('a secret that a shell traces or quotes is hidden', () => {
  const secret = `it's a "p@ss" $word \\ <x>`;
  const script = 'set -x; : "$S"; printf "%q\\n" "$S" "a$S"; export -p | grep " S="; declare -p S; set | grep ^S=';
  const text = execFileSync('bash', ['-c', `exec 2>&1; ${script}`], { env: { S: secret }, encoding: 'utf8' });
  expect(text).toContain('@ss');
  expect(shown(text, [secret])).not.toContain('@ss');
});

test.for([
  ['::progress current=SECRET::x'],
  ['::progress current=1,total=SECRET::x'],
  ['::progress current=+SECRET.0::x'],
  ['::progress current=4.815162342108e12::x'],
  ['::progress current=0004815162342108::x'],
  ['::output::SECRET'],
  ['::output::{"a":[SECRET,-SECRET,SECRET.5,4.815162342108e12,48151623421080e-1]}'],
  ['::event name=SECRET::1'],
  ['::event name=a::{"n":SECRET}'],
  ['{"level":"info","msg":"x","n":SECRET,"deep":[{"SECRET":4815162342108.0}]}'],
  ['{"level":"info","msg":SECRET}'],
  ['{"level":"info","msg":"x","n":4.815162342108e12}'],
  ['{"level":"info","msg":"x","id":SECRET99}'],
  ['::group::SECRET\n::endgroup::'],
  ['::error line=SECRET::x'],
])('a secret that is a number is hidden in every number: %s', ([line]) => {
  const secret = '4815162342108';
  for (const secrets of [[secret], [` ${secret}\n`]]) {
    const texts = shown(`${(line ?? '').replaceAll('SECRET', secret)}\n`, secrets);
    expect(texts).not.toMatch(/4815162342108|4\.815162342108/);
    expect(texts).toContain('***');
  }
});

test('a secret that is a number does not change other numbers', () => {
  const events = eventsOf('::progress current=3,total=10::x\n::output::[1,2.5]\n', { secrets: ['4815162342108'] });
  expect(events).toMatchObject([{ current: 3, total: 10 }, { value: [1, 2.5] }]);
});

test('a value masked by a command is hidden as printed, decoded, and without its colour', () => {
  for (const command of [
    '::add-mask::a%25b-Token',
    '::add-mask::\u001b[1ma%b-Token\u001b[0m',
    '\u001b[1m::add-mask::a%b-Token\u001b[0m',
  ]) {
    expect(shown(`${command}\nx a%b-Token y\n`, [])).not.toContain('b-Token');
  }
  expect(shown('::add-mask::a%25b-Token\nx a%25b-Token y\n', [])).not.toContain('b-Token');
});

test('messages of the executor itself, such as why a run failed, show no secret', () => {
  const { mask } = startOutput({ secrets: ['hunter2 & co', '4815162342108'] });
  expect(mask(`The command "hunter2 &amp; co 4815162342108 ${hex('hunter2 & co')}" was not found.`)).toBe(
    'The command "*** *** ***" was not found.',
  );
});

test('fuzzed: no form of a secret is shown, whatever the chunks, line breaks, states and colours around it', () => {
  const secret = fc
    .string({ unit: fc.constantFrom(...'QWZ#?&=<>"\'\\/ +%éß😀~$`!*()25A0'), minLength: 5, maxLength: 40 })
    .filter((text) => text.trim() === text);
  const dress = fc.constantFrom<(text: string) => string>(
    (text) => text,
    (text) => `\u001b[31m${text}\u001b[0m`,
    (text) => `1%\r${text}`,
    (text) => `\ufeff${text}`,
    (text) => JSON.stringify({ level: 'warn', time: '2024-05-06T07:08:09Z', [text]: [text], error: `x ${text}` }),
    (text) => `::error title=${text.replaceAll(',', '%2C')}::${text}`,
    (text) => `::output::${JSON.stringify({ [text]: text })}`,
    (text) => `::event name=x::${JSON.stringify(text)}`,
    (text) => `::progress current=1::${text}`,
  );
  const part = fc.record({
    index: fc.nat(2),
    disguise: fc.constantFrom(...Object.entries(DISGUISES)),
    dress,
    end: fc.constantFrom('\n', '\r\n', '\r', ' \n'),
  });
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.array(part, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(600), { maxLength: 10 }),
      fc.constantFrom(32, 200, 65_536),
      (secrets, parts, cuts, maxLineBytes) => {
        const forms = parts.map(({ index, disguise: [, encode] }) => encode(secrets[index % secrets.length] ?? ''));
        const text = parts.map((one, at) => `${one.dress(forms[at] ?? '')}${one.end}`).join('');
        const texts = textsOf(eventsOf(cutAtPlaces(Buffer.from(text), cuts), { secrets, maxLineBytes }));
        for (const found of texts) for (const form of [...forms, ...secrets]) expect(found).not.toContain(form);
      },
    ),
    { numRuns: 500 },
  );
});
