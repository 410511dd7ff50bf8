import { expect, test } from 'vitest';
import { mayLoseAcknowledged } from '../../../src/redis/durability.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { startRedisPair } from '../../support/redis/redisPair.ts';

test.each([
  ['no append-only file', [], true],
  ['appendfsync everysec', ['--appendonly', 'yes', '--appendfsync', 'everysec'], true],
  ['appendfsync no', ['--appendonly', 'yes', '--appendfsync', 'no'], true],
  ['appendfsync always', ['--appendonly', 'yes', '--appendfsync', 'always'], false],
  [
    'a server that refuses CONFIG',
    ['--appendonly', 'yes', '--appendfsync', 'always', '--rename-command', 'CONFIG', ''],
    true,
  ],
])('detects whether acknowledged writes can be lost: %s', async (_what, config, lost) => {
  await using server = await startRedis({ config });
  expect(await mayLoseAcknowledged(await server.connect())).toBe(lost);
});

test('detects whether acknowledged writes can be lost: a replica can take over without the newest writes', async () => {
  await using pair = await startRedisPair(['--appendonly', 'yes', '--appendfsync', 'always']);
  expect(await mayLoseAcknowledged(pair.first)).toBe(true);
  expect(await mayLoseAcknowledged(pair.second)).toBe(false);
});
