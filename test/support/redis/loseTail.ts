/** Makes a Redis look as if it lost its last writes: the newest entries are gone, and the record is as it was before them. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../../src/domain/ids.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';

/** The stream is made again, because Redis from 7.2 on does not lower the last id of a stream (redis#11444). */
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

/** Removes at most so many entries and returns how many. It corrects lines and bytes of the record, but not its status. */
export const loseTail = async (redis: Redis, runId: RunId, entries: number): Promise<number> =>
  Number(await redis.eval(LOSE_TAIL, 2, recordKey(runId), logKey(runId), entries));
