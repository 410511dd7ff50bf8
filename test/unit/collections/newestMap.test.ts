import { expect, test } from 'vitest';
import { NewestMap } from '../../../src/collections/newestMap.ts';

test('A NewestMap forgets the key that was set longest ago; reading a key does not keep it.', () => {
  const map = new NewestMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  expect(map.get('b')).toBe(2);
  map.set('c', 4);
  expect([map.get('a'), map.has('b'), map.get('c')]).toEqual([3, false, 4]);
});
