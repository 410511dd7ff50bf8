import { expect, test } from 'vitest';
import { reconnectWhereRefused, refusalOf } from '../../../src/wire/takesWrites.ts';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
const READONLY = reply("READONLY You can't write against a read only replica.");

test('a refusal that another server might not give is recognized, also from inside a script', () => {
  const texts = [
    "READONLY You can't write against a read only replica. script: abc, on @user_script:4.",
    'READONLY Can not run script with write flag on readonly replica.',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'LOADING Redis is loading the dataset in memory',
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'CLUSTERDOWN The cluster is down',
    'NOREPLICAS Not enough good replicas to write.',
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  ];
  expect(texts.map((text) => refusalOf(reply(text)))).toEqual(texts.map((text) => text.split(' ')[0]));
  const wrapped =
    "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a replica.";
  expect(refusalOf(reply(wrapped))).toBe('READONLY');
});

test('an error that any server would give is no reason to reconnect', () => {
  const texts = [
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'NOSCRIPT No matching script.',
    'NOAUTH Authentication required.',
    'constructor is no refusal',
  ];
  for (const text of texts) expect(refusalOf(reply(text)), text).toBe(null);
});

test('S5c: commands that were refused together are all sent again; while a server still refuses, it is tried once per second', () => {
  let now = 5000;
  let reconnects = 0;
  const decide = reconnectWhereRefused(
    () => {
      reconnects += 1;
    },
    () => now,
  );
  expect([decide(READONLY), decide(READONLY)]).toEqual([2, 2]);
  now += 500;
  expect(decide(READONLY)).toBe(false);
  expect(reconnects).toBe(1);
  now += 600;
  expect(decide(READONLY)).toBe(2);
  expect(reconnects).toBe(2);
});
