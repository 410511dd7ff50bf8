-- Part: the bytes that an entry is charged with (PROTOCOL.md, W5), which are those of its body before compression. So an
-- entry is charged with at least one byte for each event. The batch's header tells the length (PROTOCOL.md, part 3).
local function charge(batch)
  if string.byte(batch, 1) ~= 0x5a then return #batch - 8 end
  local a, b, c, d = string.byte(batch, 9, 12)
  if not d then return 0 end
  return ((a * 256 + b) * 256 + c) * 256 + d
end
