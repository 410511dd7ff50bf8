-- Reads a page of the log. KEYS: record, log. Parts: entrySizes.
-- ARGV: 1 XRANGE or XREVRANGE, 2 from, 3 to, 4 maximal number of entries, 5 maximal bytes (at least one entry is read),
--   6 bytes for each event (EVENT_BYTES), 7 '' or an ID: one more entry is read forward from it.
-- Returns { fields of the record, entries, 1 if the range has no more, entries from ARGV 7 on }.
local state = redis.call('HMGET', KEYS[1], 'lastSeq', 'closed', 'headSeq', 'dropTo', 'dropBytes', 'dropLines')
local entries, bytes, most, room = {}, 0, tonumber(ARGV[4]), tonumber(ARGV[5])
local all = walk(ARGV[1], KEYS[2], ARGV[2], ARGV[3], function(entry, batch)
  if #entries >= most then return false end
  local size = #batch < 12 and #batch or #batch + bodyOf(batch) + eventsIn(batch) * ARGV[6]
  if #entries > 0 and bytes + size > room then return false end
  bytes = bytes + size
  entries[#entries + 1] = entry
  return true
end)
local beside = ARGV[7] ~= '' and redis.call('XRANGE', KEYS[2], ARGV[7], '+', 'COUNT', 1) or {}
return { state, entries, all and 1 or 0, beside }
