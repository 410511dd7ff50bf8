-- Gives what a finished run leaves its TTL. KEYS: fixed fields, then the other keys of the run. Safe to repeat: a TTL that is
-- not longer stays. An attempt can change the TTL of its own keys, and cannot set that of the fixed fields.
-- Runs of the version before have no fixed fields: their last append has set all TTLs.
local retention = tonumber(redis.call('HGET', KEYS[1], 'retentionMs') or nil)
if not retention then return 0 end
for _, key in ipairs(KEYS) do
  local left = redis.call('PTTL', key)
  if left == -1 or left > retention then redis.call('PEXPIRE', key, retention) end
end
return 1
