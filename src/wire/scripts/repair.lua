-- Makes the record of a run valid, so that its end can be written: an attempt can have written anything into it.
-- KEYS: record, log, index, fixed fields. ARGV: 1 the attempt that was executed, or 0 if none is known, 2 greatest valid seq.
-- Returns the names of what was repaired. A valid record stays as it is. For the service alone: it removes keys of a wrong
-- type, and a log whose newest seq nothing can follow.
local repaired = {}
local function note(name) repaired[#repaired + 1] = name end
local function typed(key, expected)
  local found = redis.call('TYPE', key).ok
  if found == expected or found == 'none' then return end
  redis.call('DEL', key)
  note(key)
end
local function set(name, value)
  redis.call('HSET', KEYS[1], name, value)
  note(name)
end
local function whole(text) return text and string.match(text, '^%d+$') and #text <= 15 end

if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return repaired end
typed(KEYS[2], 'stream')
typed(KEYS[3], 'hash')
-- The newest entry and the record's lastSeq always agree.
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local top = newest and tonumber(string.match(newest[1], '^(%d+)-')) or 0
local generated = redis.call('EXISTS', KEYS[2]) == 1 and redis.call('XINFO', 'STREAM', KEYS[2])[8] or '0-0'
local last = redis.call('HGET', KEYS[1], 'lastSeq')
local most = tonumber(ARGV[2])
if tonumber(string.match(generated, '^(%d+)-')) > most then
  redis.call('DEL', KEYS[2])
  note(KEYS[2])
  top = whole(last) and tonumber(last) <= most and tonumber(last) or 1
end
if not whole(last) or (top > 0 and tonumber(last) ~= top) or tonumber(last) > most then set('lastSeq', math.max(top, 1)) end

local fixed = redis.call('HMGET', KEYS[4], 'maxAttempts', 'maxLogBytes')
local names = { 'term', 'lines', 'bytes', 'dropped', 'version', 'attempt', 'nextAttempt', 'maxLogBytes' }
local defaults = { term = 0, lines = 0, bytes = 0, dropped = 0, version = 0, maxLogBytes = fixed[2] or 1024,
  attempt = math.max(tonumber(ARGV[1]), 1), nextAttempt = math.max(tonumber(ARGV[1]), 1) }
local values = redis.call('HMGET', KEYS[1], unpack(names))
for i, name in ipairs(names) do
  local attempts = (name == 'attempt' or name == 'nextAttempt') and (tonumber(values[i]) or 0) > 127
  if values[i] and not whole(values[i]) or attempts then set(name, defaults[name]) end
end
for _, name in ipairs({ 'headBytes', 'headSeq', 'tailBytes', 'dropTo', 'dropLines', 'dropBytes' }) do
  local value = redis.call('HGET', KEYS[1], name)
  if value and not whole(value) then
    redis.call('HDEL', KEYS[1], name)
    note(name)
  end
end

-- A status without its end, or an end without its status.
local run = redis.call('HMGET', KEYS[1], 'status', 'closed', 'nextAttempt')
local known = { PENDING = true, STARTING = true, RUNNING = true, COMPLETED = true, FAILED = true, CANCELLED = true }
local over = run[1] == 'COMPLETED' or run[1] == 'FAILED' or run[1] == 'CANCELLED'
local executed = tonumber(ARGV[1])
local waits = run[1] == 'PENDING' and executed > 0
  and (tonumber(run[3]) <= executed or tonumber(run[3]) > (tonumber(fixed[1]) or 127))
if not known[run[1]] or (over and run[2] ~= '1') or waits then set('status', executed > 0 and 'RUNNING' or 'PENDING') end
if run[2] == '1' and not over then set('closed', '') end
return repaired
