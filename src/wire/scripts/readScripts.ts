/**
 * Lua scripts that read a run's log. Entries differ in size by a factor of ten thousand, so all of them are bounded in
 * bytes, as the process will hold them: the stored batch, its body before compression, and something for each event.
 */

/** Also on a replica or in a full Redis. The size is that of StoredEntry; `perEvent` is EVENT_BYTES. */
const SIZES = `#!lua flags=no-writes
local function number(batch, from)
  local a, b, c, d = string.byte(batch, from, from + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end
local function eventsIn(batch)
  local a, b = string.byte(batch, 7, 8)
  return a * 256 + b
end
local function bodyOf(batch)
  return string.byte(batch, 1) == 90 and number(batch, 9) or #batch - 8
end
local function batchOf(entry)
  local fields = entry[2]
  for i = 1, #fields, 2 do if fields[i] == 'd' then return fields[i + 1] end end
  return ''
end
-- Calls back with each entry and its batch until that answers false.
local function walk(command, key, from, to, visit)
  while true do
    local page = redis.call(command, key, from, to, 'COUNT', 16)
    for _, entry in ipairs(page) do
      if not visit(entry, batchOf(entry)) then return false end
    end
    if #page < 16 then return true end
    from = '(' .. page[16][1]
  end
end`;

/**
 * A page of the log. KEYS: record, log. ARGV: 1 XRANGE or XREVRANGE, 2 from, 3 to, 4 entries at most, 5 bytes at most (one
 * entry in any case), 6 bytes for each event, 7 '' or the ID from which one more entry is to be read forward.
 * Answers { fields of the record, entries, 1 where the range has no more, entries from ARGV 7 on }.
 */
export const PAGE = `${SIZES}
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
return { state, entries, all and 1 or 0, beside }`;

/**
 * What entries hold, without them. KEYS: log. ARGV: 1 from, 2 bytes to look at, at most.
 * Answers five values for each: ID, attempt, first seq, number of events, bytes of the body; none at the end.
 */
export const MEASURE = `${SIZES}
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
return found`;

/**
 * Copies entries as they are to the end of another stream. KEYS: log, target. ARGV: 1 from, 2 to, 3 bytes at most (one
 * entry in any case), 4 TTL of the target, milliseconds. Answers the last ID that was copied, or '' where there is none.
 */
export const COPY = `
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
return last`;
