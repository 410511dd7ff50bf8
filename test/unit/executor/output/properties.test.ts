import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutAtPlaces, eventsOf, textsOf } from '../../../support/output.ts';

const RUNS = { numRuns: 300 };
const places = fc.array(fc.nat(400), { maxLength: 12 });

/** Parts of awkward output, which are combined at random. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      ...[
        '\n',
        '\r',
        '\r\n',
        '\n\n',
        'text',
        ' ',
        'ä€😀',
        '\u2028',
        '\0',
        '\u001b[1m',
        '::',
        '::group::g',
        '::endgroup::',
      ],
      ...[
        '::error::e%0A',
        '::add-mask::text',
        '::stop-commands::tok',
        '::tok::',
        '::progress current=1::',
        '::output::{}',
      ],
      ...['{"level":30,"msg":"m"}', '{"level":"info","msg":"\\ud800"}', '{"msg":', '}', 'x'.repeat(50), '::add-mask::'],
    )
    .map((text) => Buffer.from(text)),
  fc.constantFrom([0xe2, 0x82], [0xf0, 0x9f], [0xc3], [0x80], [0xed, 0xa0, 0x80]).map((bytes) => Buffer.from(bytes)),
);
const output = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.concat(pieces));
const secrets = fc.array(fc.constantFrom('text', 'm', 'ä€', 'x'.repeat(20), 'te', 'ext\ng', 'e\nxt'), { maxLength: 3 });

test('the same bytes give the same events, wherever they are cut', () => {
  fc.assert(
    fc.property(output, places, secrets, fc.constantFrom(5, 20, 65_536), (bytes, cuts, values, maxLineBytes) => {
      const options = { secrets: values, maxLineBytes };
      expect(eventsOf(cutAtPlaces(bytes, cuts), options)).toEqual(eventsOf(bytes, options));
    }),
    RUNS,
  );
});

test('E4: plain bytes become the lines of the decoded text, complete and in order', () => {
  const plain = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => bytes.filter((byte) => byte !== 0x0d && byte !== 0x7b && byte !== 0x3a));
  fc.assert(
    fc.property(plain, places, (bytes, cuts) => {
      const lines = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n');
      if (lines.at(-1) === '') lines.pop();
      const events = eventsOf(cutAtPlaces(bytes, cuts));
      expect(events.map((event) => event.kind === 'LogLine' && event.message)).toEqual(lines);
    }),
    RUNS,
  );
});

test('every event has well-formed texts, and no message exceeds the limit', () => {
  fc.assert(
    fc.property(output, secrets, fc.integer({ min: 16, max: 60 }), (bytes, values, maxLineBytes) => {
      for (const event of eventsOf(bytes, { secrets: values, maxLineBytes })) {
        for (const text of textsOf([event])) expect(text.isWellFormed()).toBe(true);
        if (event.kind === 'LogLine') expect(Buffer.byteLength(event.message)).toBeLessThanOrEqual(maxLineBytes);
      }
    }),
    RUNS,
  );
});

/** Secrets whose characters appear nowhere else, so that a visible part of one can be recognized. */
const secret = fc
  .string({
    unit: fc.constantFrom(...'QWZ#?&=<>"\'\\/ +%éß€😀~'),
    minLength: 4,
    maxLength: 40,
  })
  .filter((text) => text.trim() === text);
const encode = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => JSON.stringify(text),
  (text) => encodeURIComponent(text),
  (text) => encodeURI(text),
  (text) => Buffer.from(text).toString('base64'),
  (text) => Buffer.from(text).toString('base64url'),
  (text) => JSON.stringify({ level: 'info', msg: `m ${text}`, [text]: [text], err: { stack: text } }),
  (text) => `::add-mask::other%0Athing\n::group::${text.replaceAll('%', '%25')}`,
  (text) => `::output::${JSON.stringify([text, { [text]: text }]).replaceAll('%', '%25')}`,
  (text) => `::progress current=1,unit=${encodeURIComponent(text)}::${text.replaceAll('%', '%25')}`,
  (text) => `1%\r${text}\r`,
);

test('no secret is shown, for any cuts, limit and encoding', () => {
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(3), encode, fc.constantFrom('', 'ab', '0', ': '), fc.constantFrom('\n', '\r\n', ' ')), {
        minLength: 1,
        maxLength: 8,
      }),
      places,
      fc.constantFrom(16, 50, 120, 65_536),
      (values, parts, cuts, maxLineBytes) => {
        const text = parts
          .map(([index, form, before, end]) => `${before}${form(values[index % values.length] ?? '')}${end}`)
          .join('');
        const shown = textsOf(eventsOf(cutAtPlaces(Buffer.from(text), cuts), { secrets: values, maxLineBytes }));
        for (const found of shown) {
          for (const value of values) {
            expect(found).not.toContain(value);
            for (const form of [Buffer.from(value).toString('base64'), encodeURIComponent(value)]) {
              expect(found).not.toContain(form);
            }
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('no character of a plain secret is shown, wherever the output is cut', () => {
  const letters = fc.string({ unit: fc.constantFrom(...'QWZéß€😀'), minLength: 4, maxLength: 30 });
  const around = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'ä', '\u0000'), maxLength: 30 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(around, fc.nat(2)), { maxLength: 10 }),
      places,
      fc.integer({ min: 1, max: 60 }),
      (values, parts, cuts, maxLineBytes) => {
        const text = parts.map(([before, index]) => before + (values[index % values.length] ?? '')).join('');
        const events = eventsOf(cutAtPlaces(Buffer.from(text), cuts), { secrets: values, maxLineBytes });
        for (const found of textsOf(events))
          expect(found.replace(/LogLine|STDOUT|INFO|level|stream|message|truncated/g, '')).not.toMatch(/[QWZéß€😀]/u);
      },
    ),
    { numRuns: 500 },
  );
});
