import { expect, test } from 'vitest';
import { Work } from '../../../src/async/workTurn.ts';
import { isLarge, resultPieces } from '../../../src/delivery/resultText.ts';
import { parseExactJson } from '../../../src/domain/text/exactJson.ts';

/** An object without a prototype, as graphql-js creates it. */
const object = (members: Record<string, unknown>): Record<string, unknown> =>
  Object.assign(Object.create(null), members);
const making = { work: new Work('test'), signal: new AbortController().signal };

test.each([
  ['members, lists and nulls', object({ a: 1, b: null, c: [], d: [1, [2, null]], e: object({}), f: true })],
  ['a member that is undefined', object({ a: undefined, b: object({ c: undefined, d: [1] }), e: undefined })],
  ['texts with escapes and surrogates', object({ t: ['"\\\n\u2028', '€😀', '\ud800'] })],
  ['numbers that keep their text', object({ input: parseExactJson('{"id":12345678901234567890,"a":[1.0,-0]}') })],
  ['5,000 items', object({ list: Array.from({ length: 5000 }, (_, i) => object({ i, text: 'é'.repeat(100) })) })],
  ['one long text', object({ text: 'x'.repeat(1_000_000) })],
])('the pieces of %s together are the JSON of the result', async (_what, data) => {
  const pieces = await resultPieces({ data }, making);
  expect(Buffer.concat(pieces).toString()).toBe(Buffer.from(JSON.stringify({ data })).toString());
});

test('a result of many items is written in several pieces, and writing stops if the client leaves', async () => {
  const data = object({ list: Array.from({ length: 20_000 }, (_, i) => object({ i, text: 'x'.repeat(50) })) });
  expect((await resultPieces({ data }, making)).length).toBeGreaterThan(10);
  const gone = AbortSignal.abort(new Error('gone'));
  await expect(resultPieces({ data }, { ...making, signal: gone })).rejects.toThrow('gone');
});

test('many items or a long text make a result large', () => {
  expect(isLarge({ data: object({ a: [1, 2, 3], b: 'x'.repeat(1000) }) })).toBe(false);
  expect(isLarge({ data: object({ a: Array.from({ length: 3000 }, () => 1) }) })).toBe(true);
  expect(isLarge({ data: object({ b: 'x'.repeat(100_000) }) })).toBe(true);
});
