-- Removes a finished run. KEYS: record, log, lease, index. Returns 1 if removed, 0 if not finished, -1 if there is none.
local run = redis.call('HMGET', KEYS[1], 'closed', 'status', 'lastSeq', 'tenant')
if not run[3] then return -1 end
if run[1] ~= '1' then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('PUBLISH', 'run_updates',
  cjson.encode({ runId = string.match(KEYS[1], '{(.-)}'), tenant = run[4] or nil, kind = 'DELETED', before = run[2], version = 0 }))
return 1
