-- Copies entries unchanged to the end of another stream. KEYS: log, target.
-- ARGV: 1 from, 2 to, 3 maximal bytes (at least one entry is copied), 4 TTL of the target, milliseconds.
-- Returns the last ID that was copied, or '' if there is none.
local last, bytes, from = '', 0, ARGV[1]
while bytes < tonumber(ARGV[3]) do
  local page = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', 4)
  for _, entry in ipairs(page) do
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
    last = entry[1]
    for _, field in ipairs(entry[2]) do bytes = bytes + #field end
  end
  if #page < 4 then break end
  from = '(' .. last
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return last
