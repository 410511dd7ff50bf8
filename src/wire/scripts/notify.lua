-- Part of the scripts that change a run's record. KEYS: 1 record.
-- notify: publishes the change on run_updates; `before` is the status before it.
local function notify(kind, before)
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('PUBLISH', 'run_updates', cjson.encode({ runId = redis.call('HGET', KEYS[1], 'id'), kind = kind, before = before, version = version }))
end
local function nowMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
