/**
 * How far viewers are in a run's log. A process publishes it in Redis when Redis shows less: Redis has lost its newest
 * writes then, and the next writer must not give the lost seqs to other events.
 */
import type { Redis } from 'ioredis';
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { seenKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';

/** TTL. Processes publish again each second as long as they are ahead. */
const PUBLISHED_MS = 60_000;

const PUBLISH = new Script(`
local published = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], math.max(published, tonumber(ARGV[1])), 'PX', ARGV[2])
return 1`);

/** Safe to repeat, and in several processes at the same time: the farthest counts. @throws the connection's error */
export const publishHead = async (redis: Redis, runId: RunId, head: Seq): Promise<void> => {
  await PUBLISH.run(redis, [seenKey(runId)], [head, PUBLISHED_MS]);
};

/** The farthest seq of the last minute; 0 where nobody was ahead of Redis. @throws the connection's error */
export const publishedHead = async (redis: Redis, runId: RunId): Promise<Seq> =>
  Number((await redis.get(seenKey(runId))) ?? 0);
