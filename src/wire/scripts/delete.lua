-- Removes a finished run. KEYS: record, log, lease, index, fixed fields.
-- Returns 1 if removed, 0 if not finished, -1 if there is none.
local run = redis.call('HMGET', KEYS[1], 'closed', 'status', 'lastSeq', 'tenant')
if not run[3] then return -1 end
if run[1] ~= '1' then return 0 end
local tenant = redis.call('HGET', KEYS[5], 'tenant') or run[4]
redis.call('DEL', unpack(KEYS))
redis.call('PUBLISH', 'run_updates',
  cjson.encode({ runId = string.match(KEYS[1], '{(.-)}'), tenant = tenant or nil, kind = 'DELETED', before = run[2], version = 0 }))
return 1
