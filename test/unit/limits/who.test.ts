import { expect, test } from 'vitest';
import { addressKey, clientOf } from '../../../src/limits/who.ts';

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('the address %s is counted as %s: an IPv6 network of one client is one address', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test('callers are told apart by tenant and subject, whatever these contain', () => {
  const named = (tenant: string, subject: string) => clientOf('', { tenant, subject }).caller;
  const names = [
    named('a', 'b'),
    named('b', 'a'),
    named('a","b', ''),
    named('a', '","b'),
    named('a', 'x'.repeat(9999)),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[\w-]{22}$/);
  expect(named('a', 'b')).toBe(names[0]);
});
