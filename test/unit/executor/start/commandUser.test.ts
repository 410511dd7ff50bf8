import { expect, test } from 'vitest';
import { resolveUser, UnknownUser } from '../../../../executor/start/commandUser.ts';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\ntoor:x:0:0::/:/bin/sh\n',
  group: 'root:x:0:\nnode:x:1001:\nstaff:x:50:node\n',
};
const nobody = { uid: 65534, gid: 65534 };

test.each([
  ['', nobody],
  ['root', nobody],
  ['0', nobody],
  ['0:1001', nobody],
  ['toor', nobody],
  ['node', { uid: 1000, gid: 1001 }],
  ['1000', { uid: 1000, gid: 1001 }],
  ['node:staff', { uid: 1000, gid: 50 }],
  ['node:77', { uid: 1000, gid: 77 }],
  ['4242', { uid: 4242, gid: 0 }],
  ['4242:staff', { uid: 4242, gid: 50 }],
])('the user "%s" of an image becomes %o', (spec, user) => {
  expect(resolveUser(spec, files, null)).toEqual(user);
});

test('the command does not get the group through which the executor reaches Redis', () => {
  expect(resolveUser('4242', files, 0)).toEqual({ uid: 4242, gid: 65534 });
  expect(resolveUser('node:staff', files, 50)).toEqual({ uid: 1000, gid: 65534 });
});

test.each(['nobody-here', 'node:nothing', '99999999999'])(
  'the user "%s" is refused if the image does not know it',
  (spec) => {
    expect(() => resolveUser(spec, files, null)).toThrow(UnknownUser);
  },
);
