-- Part of the scripts that change a run's record. KEYS: 1 record.
-- notify: publishes the change; `before` is the status before it. The channel is run_updates, unless another one is given.
-- Runs of a service without tenants have none.
local function notify(kind, before, channel)
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  local run = redis.call('HMGET', KEYS[1], 'id', 'tenant')
  redis.call('PUBLISH', channel or 'run_updates',
    cjson.encode({ runId = run[1], tenant = run[2] or nil, kind = kind, before = before, version = version }))
end
local function nowMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
