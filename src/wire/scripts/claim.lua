-- Makes the caller the log's writer: the term goes up. KEYS: record, log. Parts: notify.
-- ARGV: 1 writer, 2 attempt that the claim is for (0 any), 3 allowed statuses, separated by commas, 4 required term ('' any),
--   5 the engine that the caller runs on ('' any).
-- Returns { code, now, record, fixed fields }, both as field, value, ... Codes: OK, REFUSED (other status, attempt, term or
--   engine), GONE.
-- A second call by the same writer returns OK and changes nothing.
local run = redis.call('HMGET', KEYS[1], 'term', 'writer', 'closed', 'status', 'nextAttempt', 'attempt', 'engine')
if not run[1] then return { 'GONE', nowMs() } end
local function answer(code)
  return { code, nowMs(), redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', fixed) }
end
if run[3] == '1' then return answer('REFUSED') end
if run[2] == ARGV[1] then return answer('OK') end
local attempt = run[4] == 'PENDING' and run[5] or run[6]
if ARGV[2] ~= '0' and attempt ~= ARGV[2] then return answer('REFUSED') end
if not string.find(',' .. ARGV[3] .. ',', ',' .. run[4] .. ',', 1, true) then return answer('REFUSED') end
if ARGV[4] ~= '' and run[1] ~= ARGV[4] then return answer('REFUSED') end
if ARGV[5] ~= '' and (run[7] or '') ~= ARGV[5] then return answer('REFUSED') end
redis.call('HSET', KEYS[1], 'term', run[1] + 1, 'writer', ARGV[1])
return answer('OK')
