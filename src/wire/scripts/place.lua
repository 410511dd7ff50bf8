-- Takes a place in a queue. KEYS: 1 sorted set: ids that wait. ARGV: 1 id, 2 most, 0 for no limit.
-- Returns 1 if the id has a place now, or 0 if the queue is full.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if ARGV[2] ~= '0' and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return 1
