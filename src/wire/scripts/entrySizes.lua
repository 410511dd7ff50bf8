#!lua flags=no-writes
-- Part of the scripts that read a log; runs on a replica and in a full Redis too. Entries differ in size by a factor of
-- ten thousand, so scripts bound them in bytes: the stored batch, its body before compression, and a part for each event.
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
-- Calls visit(entry, batch) for each entry, until it returns false.
local function walk(command, key, from, to, visit)
  while true do
    local page = redis.call(command, key, from, to, 'COUNT', 16)
    for _, entry in ipairs(page) do
      if not visit(entry, batchOf(entry)) then return false end
    end
    if #page < 16 then return true end
    from = '(' .. page[16][1]
  end
end
