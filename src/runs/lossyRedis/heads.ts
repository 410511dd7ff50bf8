/**
 * How far viewers have been led, told by the processes that have them when Redis shows less than that: it lost
 * its tail, and whoever writes on without it must not give those seqs to other events.
 */
import type { Redis } from 'ioredis';
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { seenKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';

/** Told again each second for as long as it holds. */
const TOLD_MS = 60_000;

const TELL = new Script(`
local told = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], math.max(told, tonumber(ARGV[1])), 'PX', ARGV[2])
return 1`);

/** Safe to repeat and to call in several processes: the farthest counts. @throws the connection's error */
export const tellHead = async (redis: Redis, runId: RunId, head: Seq): Promise<void> => {
  await TELL.run(redis, [seenKey(runId)], [head, TOLD_MS]);
};

/** The farthest that was told lately; 0 where nobody was ahead of Redis. @throws the connection's error */
export const toldHead = async (redis: Redis, runId: RunId): Promise<Seq> =>
  Number((await redis.get(seenKey(runId))) ?? 0);
