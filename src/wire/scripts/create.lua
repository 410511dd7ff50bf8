-- Creates a run: its record and its first events in one step. KEYS: record, log. Parts: notify.
-- ARGV: 1 batch, 2 its last seq, 3 channel, 4... field, value.
-- Returns 1, or 0 if the run exists (the call is repeated).
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local set = {}
for i = 4, #ARGV do set[#set + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(set))
redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'd', ARGV[1], 'l', '0', 'b', '0')
redis.call('PUBLISH', ARGV[3], ARGV[1])
notify('CREATED', false)
return 1
