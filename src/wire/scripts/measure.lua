-- Lists what entries hold, without their batches. KEYS: log. Parts: entrySizes. ARGV: 1 from, 2 maximal bytes to look at.
-- Returns five values for each entry: ID, attempt, first seq, number of events, bytes of the body; nothing at the end.
local found, bytes, room = {}, 0, tonumber(ARGV[2])
walk('XRANGE', KEYS[1], ARGV[1], '+', function(entry, batch)
  if bytes > room then return false end
  bytes = bytes + #batch + 64
  if #batch < 8 then
    for _, value in ipairs({ entry[1], 0, 0, 0, 0 }) do found[#found + 1] = value end
    return true
  end
  local values = { entry[1], string.byte(batch, 2) % 128, number(batch, 3), eventsIn(batch), bodyOf(batch) }
  for _, value in ipairs(values) do found[#found + 1] = value end
  return true
end)
return found
