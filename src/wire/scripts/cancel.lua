-- Requests a cancel. KEYS: record, log. Parts: notify. ARGV: 1 reason, 2 '1' for force, 3 control channel.
-- Returns { code, term, status }. Codes: OK (noted now or before), CLOSED (the run has ended), GONE.
-- The first call's instant and reason stay; force can be added later.
local run = redis.call('HMGET', KEYS[1], 'term', 'status', 'closed', 'cancelRequestedAt', 'cancelForce')
if not run[1] then return { 'GONE', '', '' } end
if run[3] == '1' then return { 'CLOSED', run[1], run[2] } end
local changed = false
if (run[4] or '') == '' then
  redis.call('HSET', KEYS[1], 'cancelRequestedAt', nowMs(), 'cancelReason', ARGV[1])
  changed = true
end
if ARGV[2] == '1' and run[5] ~= '1' then
  redis.call('HSET', KEYS[1], 'cancelForce', '1')
  changed = true
end
redis.call('PUBLISH', ARGV[3], cjson.encode({ kind = 'cancel', force = ARGV[2] == '1' or run[5] == '1' }))
if changed then notify('UPDATED', run[2]) end
return { 'OK', run[1], run[2] }
