import { expect, test } from 'vitest';
import { LIMITS } from '../../../../src/domain/limits.ts';
import { JsonTooDeep, parseJson } from '../../../../src/http/exchange/boundedJson.ts';

const nested = (levels: number): string => `${'['.repeat(levels)}1${']'.repeat(levels)}`;

test('JSON is parsed up to the maximum depth, and refused beyond it', () => {
  expect(parseJson(nested(LIMITS.jsonDepth))).toBeInstanceOf(Array);
  expect(() => parseJson(nested(LIMITS.jsonDepth + 1))).toThrow(JsonTooDeep);
  expect(() => parseJson(`${'{"a":'.repeat(LIMITS.jsonDepth + 1)}1`)).toThrow(JsonTooDeep);
  expect(() => parseJson(`{"a":${'[{"b":'.repeat(70)}`)).toThrow(JsonTooDeep);
});

test.each([
  ['brackets in texts', JSON.stringify({ a: '['.repeat(500), ['{'.repeat(500)]: 1 })],
  ['escaped quotes before brackets', JSON.stringify({ a: `"${'['.repeat(500)}`, b: `\\"${'{'.repeat(500)}\\` })],
  ['backslashes at the end of a text', JSON.stringify(['\\', `\\\\${'['.repeat(200)}`, '\\'])],
  ['many lists beside each other', `[${Array.from({ length: 1000 }, () => '[[]]').join()}]`],
])('%s do not count as depth', (_name, text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test('invalid JSON is a SyntaxError', () => {
  expect(() => parseJson('{"a":')).toThrow(SyntaxError);
  expect(() => parseJson('"\\"')).toThrow(SyntaxError);
  expect(() => parseJson(']'.repeat(1000))).toThrow(SyntaxError);
});
