-- Replaces the newest entries of a log by one entry with the same events. KEYS: record, log. Parts: charge.
-- ARGV: 1 term, 2 writer, 3 first seq, 4 last seq, 5 number of the entries, 6 batch, 7 lines, 8 message bytes.
-- Returns 1; or 0, with nothing changed, if the log does not end with exactly these entries, or if a border of the budget
-- is among them (the budget drops whole entries).
-- A stream accepts only IDs above its top, so the new entry's ID is <last seq>-1. (Redis 7.2 refuses to lower the top with
-- XSETID, and the old entries would have to be deleted before the new one is there.) The new entry is stored first: if the
-- script stops half-way, no event is missing. Nothing is published, since no event is new.
local run = redis.call('HMGET', KEYS[1], 'term', 'writer', 'lastSeq', 'closed', 'headSeq', 'dropTo')
local first, last, entries = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] or run[3] ~= ARGV[4] or run[4] == '1' then return 0 end
if run[5] and last > tonumber(run[5]) and first <= tonumber(run[6] or run[5]) then return 0 end

local function header(batch)
  local _, attempt, a, b, c, d, e, f = string.byte(batch, 1, 8)
  return attempt, ((a * 256 + b) * 256 + c) * 256 + d, e * 256 + f
end
local attempt, start, count = header(ARGV[6])
if start ~= first or count ~= last - first + 1 then return 0 end

local page = redis.call('XRANGE', KEYS[2], ARGV[3] .. '-0', '+', 'COUNT', entries + 1)
if #page ~= entries or page[entries][1] ~= ARGV[4] .. '-0' then return 0 end
local next, lines, bytes, charged, ids = first, 0, 0, 0, {}
for i, entry in ipairs(page) do
  local fields = entry[2]
  local ofAttempt, from, events = header(fields[2])
  if ofAttempt ~= attempt or from ~= next then return 0 end
  next = from + events
  lines = lines + tonumber(fields[4])
  bytes = bytes + tonumber(fields[6])
  charged = charged + charge(fields[2])
  ids[i] = entry[1]
end
if next ~= last + 1 or lines ~= tonumber(ARGV[7]) or bytes ~= tonumber(ARGV[8]) then return 0 end

redis.call('XADD', KEYS[2], ARGV[4] .. '-1', 'd', ARGV[6], 'l', ARGV[7], 'b', ARGV[8])
redis.call('XDEL', KEYS[2], unpack(ids))
-- The new entry is charged differently from the old ones together.
if run[5] and first > tonumber(run[5]) then redis.call('HINCRBY', KEYS[1], 'tailBytes', charge(ARGV[6]) - charged) end
return 1
