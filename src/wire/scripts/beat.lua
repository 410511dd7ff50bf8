-- Shows that the writer of a run's log is alive. KEYS: record. ARGV: 1 term, 2 writer. Parts: notify.
-- Returns OK, FENCED (another one is the writer), or GONE. It changes only the field `beat`, which Run does not show.
local run = redis.call('HMGET', KEYS[1], 'term', 'writer')
if not run[1] then return 'GONE' end
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] then return 'FENCED' end
redis.call('HSET', KEYS[1], 'beat', nowMs())
return 'OK'
