/** What a Redis that lost its tail looks like: the newest entries are gone, and the record is as it was then. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../../src/domain/ids.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';

/** The stream is made anew: from 7.2 on, Redis does not lower the top of one (redis#11444). */
const LOSE_TAIL = `
local entries = redis.call('XRANGE', KEYS[2], '-', '+')
local lost = math.min(tonumber(ARGV[1]), #entries)
redis.call('DEL', KEYS[2])
for i, entry in ipairs(entries) do
  if i <= #entries - lost then
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
    redis.call('HSET', KEYS[1], 'lastSeq', string.match(entry[1], '^%d+'))
  else
    redis.call('HINCRBY', KEYS[1], 'lines', 0 - entry[2][4])
    redis.call('HINCRBY', KEYS[1], 'bytes', 0 - entry[2][6])
  end
end
return lost`;

/** Takes so many entries away, at most; answers how many. Lines and bytes of the record follow, its status does not. */
export const loseTail = async (redis: Redis, runId: RunId, entries: number): Promise<number> =>
  Number(await redis.eval(LOSE_TAIL, 2, recordKey(runId), logKey(runId), entries));
