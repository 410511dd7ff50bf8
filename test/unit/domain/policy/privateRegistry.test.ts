import { describe, expect, test } from 'vitest';
import { namesRegistry } from '../../../../src/domain/policy/allowedImages.ts';
import { isPrivateAddress, isPrivateRegistry } from '../../../../src/domain/policy/privateRegistry.ts';

describe('an image name whose registry only this machine or its network can reach', () => {
  test.each([
    ...['localhost/x', 'localhost:5000/x', 'LOCALHOST/x', 'LocalHost:5000/x', 'localhost./x', 'a.localhost/x:1'],
    ...['127.0.0.1/x', '127.0.0.1:5000/team/x:tag', '127.1/x', '127.0.1:1/x', '127.255.255.254/x'],
    ...['2130706433:80/x', '0x7f000001:80/x', '0x7f.1/x', '0177.0.0.1/x', '0:5000/x', '0.0.0.0/x', '127.0.0.1./x'],
    ...['10.0.0.1/x', '10.255.255.255:5000/x', '172.16.0.1/x', '172.31.255.255/x', '192.168.1.1/x', '100.64.0.1/x'],
    ...['169.254.169.254/x', '192.0.0.1/x', '198.18.0.1/x', '224.0.0.1/x', '255.255.255.255/x', '167772161:80/x'],
    ...['[::1]/x', '[::1]:5000/x', '[::]/x', '[fc00::1]/x', '[fd12:3456::1]:5000/x', '[fe80::1]/x', '[ff02::1]/x'],
    ...['[::ffff:10.0.0.1]/x', '[::ffff:a00:1]:5000/x', '[::127.0.0.1]/x', '[64:ff9b::7f00:1]/x', '[2002:7f00:1::]/x'],
    ...['registry:5000/x', 'intranet:80/team/x', 'Team/x', 'registry.local/x', 'printer.lan:631/x', 'x.home.arpa/x'],
    ...['metadata.google.internal/x', 'host.docker.internal:5000/x', 'host.containers.internal/x', 'a.b.corp/x'],
    `localhost:5000/x@sha256:${'a'.repeat(64)}`,
  ])('%s is private', (image) => {
    expect(isPrivateRegistry(image)).toBe(true);
  });
  test.each([
    ...[
      'alpine',
      'alpine:3.20',
      'library/alpine',
      'docker.io/library/alpine',
      'team/app',
      'localhost',
      'localhost:5000',
    ],
    ...[
      'ghcr.io/team/app',
      'registry.example:5000/team/app',
      'quay.io/a/b:c',
      '8.8.8.8/x',
      '172.32.0.1/x',
      '11.0.0.1/x',
    ],
    ...['128.0.0.1:5000/x', '192.169.0.1/x', '100.128.0.1/x', '[2606:4700::1111]:5000/x', '[::ffff:8.8.8.8]/x'],
    ...['localhost.example/x', '127.0.0.1.example.com/x', 'internal.example.com/x', 'sha256:abcdef'],
  ])('%s is not', (image) => {
    expect(isPrivateRegistry(image)).toBe(false);
  });
});

test.each(['127.0.0.1', '::1', '10.1.2.3', 'fe80::1%eth0', '::ffff:192.168.0.1', 'fd00::', '169.254.0.1'])(
  'the resolved address %s is private',
  (address) => expect(isPrivateAddress(address)).toBe(true),
);
test.each(['1.1.1.1', '2606:4700::1111', '::ffff:1.1.1.1', '2002:808:808::'])(
  'the resolved address %s is public',
  (address) => expect(isPrivateAddress(address)).toBe(false),
);

test.each<[image: string, patterns: string[], named: boolean]>([
  ['localhost:5000/x', ['localhost:5000/*'], true],
  ['localhost:5000/x', ['alpine', 'localhost*/x'], true],
  ['10.0.0.1/team/x', ['10.0.0.1/team/*'], true],
  ['registry.internal/x', ['*.internal/*'], true],
  ['localhost:5000/x', ['*'], false],
  ['localhost:5000/x', ['*/x'], false],
  ['localhost:5000/x', ['**/*'], false],
  ['localhost:5000/x', ['localhost:5001/*'], false],
  ['localhost:5000/x', ['*x'], false],
  ['localhost:5000/x', [], false],
])('the registry of %s is named by %j: %s', (image, patterns, named) => {
  expect(namesRegistry(image, patterns)).toBe(named);
});
