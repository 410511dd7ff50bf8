import { expect, test } from 'vitest';
import { cutAtPlaces, eventsOf, NOW, startOutput, textsOf } from '../../../../support/output.ts';

const SECRET = 'p@ss "wörd"/+\\<1>';
const messages = (text: string | Uint8Array, secrets: readonly string[]): string[] =>
  eventsOf(text, { secrets }).flatMap((event) => (event.kind === 'LogLine' ? [event.message] : []));

test('hides a secret wherever it stands in a line', () => {
  expect(messages('hunter2 a hunter2, xhunter2x\nhunter\n', ['hunter2'])).toEqual(['*** a ***, x***x', 'hunter']);
});

test('hides the longest of several secrets, and overlapping secrets as one', () => {
  expect(messages('abcdefgh abcd\n', ['abcd', 'abcdefgh'])).toEqual(['*** ***']);
  expect(messages('xabcdefghix\n', ['abcdef', 'defghi'])).toEqual(['x***x']);
});

test('hides nothing for blank secrets', () => {
  expect(messages('a b\n\n', ['', ' ', '\n', '\t \r\n'])).toEqual(['a b', '']);
});

test('a very short secret is hidden only in its plain form', () => {
  expect(messages(`7 k9 ${Buffer.from('k9').toString('base64')}\n`, ['k9'])).toEqual(['7 *** azk=']);
  expect(messages('é!\n', ['é'])).toEqual(['***!']);
});

test.for([
  ['plain text', SECRET],
  ['JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['ASCII JSON of Python', String.raw`p@ss \"w\u00f6rd\"/+\\<1>`],
  ['JSON of Go', String.raw`p@ss \"wörd\"/+\\\u003c1\u003e`],
  ['JSON of PHP', String.raw`p@ss \"wörd\"\/+\\<1>`],
  ['a URI component', encodeURIComponent(SECRET)],
  ['a URI', encodeURI(SECRET)],
  ['a form', new URLSearchParams({ a: SECRET }).toString().slice(2).replaceAll('%40', '%40')],
  ['lower-case percent codes', encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase())],
  ['base64', Buffer.from(SECRET).toString('base64')],
  ['base64url', Buffer.from(SECRET).toString('base64url')],
])('hides a secret as %s', ([, form]) => {
  expect(messages(`<<${form}>>\n`, [SECRET])).toEqual(['<<***>>']);
});

test('hides a secret in the base64 of a longer text, at any offset', () => {
  const secret = 'correct-horse?battery>staple~~~~';
  for (let before = 0; before < 6; before += 1) {
    for (let after = 0; after < 6; after += 1) {
      for (const encoding of ['base64', 'base64url'] as const) {
        const encoded = Buffer.from('x'.repeat(before) + secret + 'y'.repeat(after)).toString(encoding);
        const [message = ''] = messages(`${encoded}\n`, [secret]);
        expect(message).toContain('***');
        // Only the neighbours remain, and at most the bits of one character on each side.
        expect(message.replace('***', '').length).toBeLessThanOrEqual(Math.ceil(((before + after) * 4) / 3) + 6);
      }
    }
  }
});

test('hides base64 that is wrapped into lines', () => {
  const secret = Array.from({ length: 30 }, (_, at) => `part${at * 7919}`).join(':');
  for (const tail of ['', '\n']) {
    const encoded = Buffer.from(secret + tail).toString('base64');
    for (const wrap of [64, 76]) {
      const wrapped = encoded.replace(new RegExp(`.{${wrap}}`, 'g'), '$&\n');
      const shown = messages(`${wrapped}\n`, [secret]).join('');
      expect(shown.replaceAll('***', '').length).toBeLessThanOrEqual(4);
    }
  }
});

test('hides each line of a secret of several lines', () => {
  const secret = '-----BEGIN KEY-----\r\nMIIEvQIBADANBg\r\n  indented line\r\nab\r\n}\r\n-----END KEY-----\r\n';
  expect(messages(`${secret}\nab cab\n}\n`, [secret])).toEqual([
    '***',
    '***',
    '***',
    '***',
    '}',
    '***',
    '',
    'ab cab',
    '}',
  ]);
  expect(messages(`${JSON.stringify({ key: secret })}\n`, [secret])).toEqual(['{"key":"***"}']);
});

test('hides the lines of a short secret of two lines', () => {
  expect(messages('ab\r\ncd\nabcd\n', ['ab\ncd'])).toEqual(['***', '***', 'abcd']);
});

test('a line break at the end of a secret is ignored', () => {
  expect(messages('x hunter2 y\n', ['hunter2\n'])).toEqual(['x *** y']);
});

test('hides secrets in all texts of a record, however escaped, and in numbers', () => {
  const events = eventsOf(
    `${String.raw`{"level":"info","msg":"a \u0068unter2","logger":"hunter2","hunter2":["x hunter2"],"n":12345678901234567890,"err":{"type":"hunter2","message":"no hunter2","stack":"hunter2\nhunter2"}}`}\n`,
    { secrets: ['hunter2', '12345678901234567890'] },
  );
  expect(events).toEqual([
    {
      kind: 'LogLine',
      timestamp: NOW,
      level: 'INFO',
      stream: 'LOGGER',
      message: 'a ***',
      logger: '***',
      fields: { '***': ['x ***'], n: '***' },
      exception: { type: '***', message: 'no ***', stack: '***\n***' },
    },
  ]);
});

test('a secret of several lines is hidden in a record that contains its line breaks', () => {
  const secret = 'first line\nab\nlast line';
  const [event] = eventsOf(`${JSON.stringify({ level: 'info', msg: `key:\n${secret}\nend`, key: secret })}\n`, {
    secrets: [secret],
  });
  expect(event).toMatchObject({ message: 'key:\n***\n***\n***\nend', fields: { key: '***\n***\n***' } });
});

test('level and time of a record are read before secrets are hidden', () => {
  const [event] = eventsOf('{"level":"info","time":1700000000123,"msg":"an info at 1700000000123"}\n', {
    secrets: ['info', '1700000000123', 'level'],
  });
  expect(event).toMatchObject({ level: 'INFO', timestamp: 1700000000123, message: 'an *** at ***' });
});

test('a record keeps its message and level if names of its members are secrets', () => {
  const [event] = eventsOf('{"level":"warn","msg":"a msg","name":"msg"}\n', { secrets: ['msg!', 'msg', 'level'] });
  expect(event).toMatchObject({ stream: 'LOGGER', level: 'WARNING', message: 'a ***' });
});

test('hides secrets in groups, progress, output and the properties of commands', () => {
  const text = [
    '::group::a hunter2',
    '::endgroup::',
    '::progress current=1,unit=hunter2::label hunter2',
    '::output::{"hunter2":"hunter2"}',
    '::error file=hunter2::a %68unter2 hunter2',
    '::hunter2::',
  ].join('\n');
  const texts = textsOf(eventsOf(text, { secrets: ['hunter2'] }));
  expect(texts.join('\n')).not.toContain('hunter2');
  expect(texts.filter((found) => found.includes('***'))).toHaveLength(10);
});

test('hides secrets in messages of the executor', () => {
  const output = startOutput({ secrets: ['hunter2'] });
  output.addMask('added one');
  expect(output.mask('exec hunter2: added one\ud800')).toBe('exec ***: ***\ufffd');
});

test('a secret between bytes of invalid UTF-8 is hidden', () => {
  const secret = 'pässword';
  for (const before of [[], [0xff], [0xe2], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xc3]]) {
    for (const after of [[], [0xff], [0xa4], [0xe2, 0x82]]) {
      const [message = ''] = messages(Buffer.concat([Buffer.from(before), Buffer.from(secret), Buffer.from(after)]), [
        secret,
      ]);
      expect(message).toContain('***');
      expect(message).not.toContain('word');
    }
  }
});

test.for([10, 64, 1000])('a secret at the line limit of %d is never shown in part', (maxLineBytes) => {
  const secret = 'S3cr3t-Token-0123456789';
  for (let before = Math.max(0, maxLineBytes - 40); before <= maxLineBytes + 3; before += 1) {
    for (const text of [secret, 'zz', `${secret}${'é'.repeat(5000)}`]) {
      const line = `${'x'.repeat(before)}${text}`;
      const [message = ''] = eventsOf(cutAtPlaces(Buffer.from(`${line}\n`), [maxLineBytes, before]), {
        secrets: [secret],
        maxLineBytes,
      }).flatMap((event) => (event.kind === 'LogLine' ? [event.message] : []));
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxLineBytes);
      expect(message).toMatch(/^x*\**é*z*$/);
    }
  }
});

test('a secret divided by a cut is not shown, even if masking makes the long line short', () => {
  const secret = 'S3cr3t-Token-0123456789';
  const [message = ''] = eventsOf(`${secret.repeat(4000)}\n`, { secrets: [secret] }).flatMap((event) =>
    event.kind === 'LogLine' ? [event.message] : [],
  );
  expect(message).toMatch(/^\*+$/);
});

test('a line that exceeds the limit after masking is cut', () => {
  const events = eventsOf(`${'e'.repeat(50)}\nok\n`, { secrets: ['e'], maxLineBytes: 60 });
  expect(events).toMatchObject([{ message: '*'.repeat(60), truncated: true }, { message: 'ok' }]);
});

test('a secret of the largest size of an environment variable is hidden, also in a cut line', () => {
  const secret = Array.from({ length: 12_000 }, (_, at) => `w${at}`).join(' ');
  expect(messages(`a ${secret} b\n`, [secret])).toEqual(['a ***']);
});

// If each mask took as long as all before it, this test would time out.
test('thousands of masks added one by one take linear time', () => {
  const { stdout, sink } = startOutput();
  for (let at = 0; at < 5000; at += 1) stdout.write(Buffer.from(`::add-mask::secret-${at}-x\nsecret-${at}-x\n`), NOW);
  expect(new Set(sink.messages)).toEqual(new Set(['***']));
});
