-- Part of the scripts that change a run's record. KEYS: 1 record. The id comes from the key: an attempt can write the record.
-- fixed: the key of the fixed fields. It is not in KEYS: EVALSHA needs the right to write all of KEYS, and executors only
-- read it. It is in the same slot. Runs of the version before do not have it.
-- notify: publishes the change; `before` is the status before it. The channel is run_updates, unless another one is given.
-- Runs of a service without tenants have none.
local fixed = KEYS[1] .. ':fixed'
local function notify(kind, before, channel)
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  local tenant = redis.call('HGET', fixed, 'tenant') or redis.call('HGET', KEYS[1], 'tenant')
  redis.call('PUBLISH', channel or 'run_updates',
    cjson.encode({ runId = string.match(KEYS[1], '{(.-)}'), tenant = tenant or nil, kind = kind, before = before, version = version }))
end
local function nowMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
