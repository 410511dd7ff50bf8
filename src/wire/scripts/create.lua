-- Creates a run: its record and its first events in one step. KEYS: record, log. Parts: notify.
-- ARGV: 1 batch, 2 its last seq, 3 channel, 4 number of the arguments that follow for the fixed fields, 5... field, value:
-- fixed fields; then field, value: the record.
-- Returns 1, or 0 if the run exists (the call is repeated).
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local rest = 5 + tonumber(ARGV[4])
redis.call('DEL', fixed)
if rest > 5 then redis.call('HSET', fixed, unpack(ARGV, 5, rest - 1)) end
redis.call('HSET', KEYS[1], unpack(ARGV, rest))
redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'd', ARGV[1], 'l', '0', 'b', '0')
redis.call('PUBLISH', ARGV[3], ARGV[1])
notify('CREATED', false)
return 1
