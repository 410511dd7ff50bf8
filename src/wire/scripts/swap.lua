-- Replaces a finished log by its packed form. KEYS: record, log, packed. ARGV: 1 entries that were read, 2 their last ID.
-- Returns 1; or 0, and deletes the packed log, if the log has changed since, or if the record has no TTL to take over.
local ttl = redis.call('PTTL', KEYS[1])
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if redis.call('HGET', KEYS[1], 'closed') ~= '1' or redis.call('XLEN', KEYS[2]) ~= tonumber(ARGV[1])
  or not newest or newest[1] ~= ARGV[2] or redis.call('EXISTS', KEYS[3]) == 0 or ttl <= 0 then
  redis.call('DEL', KEYS[3])
  return 0
end
redis.call('RENAME', KEYS[3], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ttl)
return 1
