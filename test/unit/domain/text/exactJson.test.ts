import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRawNumber, parseExactJson, plainNumber, rawNumber } from '../../../../src/domain/text/exactJson.ts';

test.each([
  '1234567890123456789',
  '-9223372036854775808',
  '18446744073709551615',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1000',
  '0.12345678901234567890123',
  '1.0',
  '-0',
  '-0.0',
  '0e0',
  '1E5',
  '1e+5',
  '1e400',
  '-1e400',
  '5e-325',
])('the number %s keeps its text at every position of a value', (number) => {
  for (const text of [number, `[${number}]`, `{"a":${number}}`, `{"a":[0,${number},{"b":${number}}]}`]) {
    expect(JSON.stringify(parseExactJson(text))).toBe(text);
  }
  expect(JSON.stringify(parseExactJson(`{ "a" :\t${number} , "b":\n[ ${number} ] }`))).toBe(
    `{"a":${number},"b":[${number}]}`,
  );
  expect(isRawNumber(parseExactJson(number))).toBe(true);
  expect(plainNumber(rawNumber(number))).toBe(Number(number));
});

test('a number that JavaScript prints with the same text becomes a plain number', () => {
  for (const number of [
    '0',
    '-1',
    '1.5',
    '9007199254740991',
    '1e+21',
    '100000000000000000000',
    '1.7976931348623157e+308',
  ])
    expect([parseExactJson(`[${number}]`), rawNumber(number)]).toEqual([[Number(number)], Number(number)]);
});

test('any JSON is printed as it was read, also strings that look like numbers', () => {
  const number = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fc.constantFrom('', '.0', '.50', '.125'),
      fc.constantFrom('', 'e3', 'E-7', 'e+400'),
    )
    .map((parts) => parts.join(''));
  const text = fc.constantFrom(': 1.0', ', -0', '[1234567890123456789', 'a', '\u2028', '__proto__', '1.0');
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      number,
      text.map((one) => JSON.stringify(one)),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    object: fc
      .uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: ([name]) => name })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
  })).value as fc.Arbitrary<string>;
  fc.assert(
    fc.property(json, (given) => {
      expect(JSON.stringify(parseExactJson(given))).toBe(given);
    }),
  );
});

test('50,000 exact numbers are kept, the most that an input can hold; more are refused before they cost time', () => {
  const list = (count: number) => `[${Array.from({ length: count }, () => '-0').join(',')}]`;
  expect(JSON.stringify(parseExactJson(list(50_000)))).toBe(list(50_000));
  expect(() => parseExactJson(list(50_001))).toThrow(SyntaxError);
});

test('invalid JSON, or JSON nested too deeply for the parser, is a SyntaxError', () => {
  for (const text of ['', '{', '01', '1.', '.5', '+1', 'NaN', '[1.0,]', `${'['.repeat(1e6)}1.0${']'.repeat(1e6)}`]) {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  }
});
