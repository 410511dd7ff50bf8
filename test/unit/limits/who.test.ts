import { expect, test } from 'vitest';
import { LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { newRunId } from '../../../src/domain/ids.ts';
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
  const named = (tenant: string, subject: string) => clientOf('', { ...LOCAL_ADMIN, tenant, subject }).caller;
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

test('a run token and each API token have limits of their own, and tokens for the same runs share theirs', () => {
  const [one, two] = [newRunId(), newRunId()];
  const named = (more: object) => clientOf('', { ...LOCAL_ADMIN, ...more }).caller;
  const names = [
    named({}),
    named({ apiTokenId: 'a' }),
    named({ apiTokenId: 'b' }),
    named({ runs: new Set([one]) }),
    named({ runs: new Set([one, two]) }),
    named({ runs: new Set() }),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(named({ runs: new Set([two, one]), expiresAt: 1 })).toBe(names[4]);
});
