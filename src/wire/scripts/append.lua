-- Appends one batch. KEYS: record, log, index. Parts: notify, charge.
-- ARGV: 1 term, 2 writer, 3 first seq, 4 count, 5 batch, 6 lines, 7 message bytes, 8 channel,
--   9 '1' if this batch closes the log,
--   10 the cancelRequestedAt that the writer knows ('' none, '*' any): a batch that closes the log or changes the status,
--      and does not know of a cancel, is answered CANCEL and not stored,
--   11 and 12 usually ''. If the store lost more than the writer still has: lines and message bytes of the whole log
--      before this batch. It can then begin beyond lastSeq + 1 (readers get a LinesDropped),
--   13 the channel of the change: run_updates, or an executor's own channel (it has no right to run_updates),
--   14 the record's field logIndex ('': it stays), 15 number of the arguments that follow for the index,
--   16... field, value: changes of the index; then field, value: changes of the record.
-- Returns { code, lastSeq, dropped lines, cancelRequestedAt, cancelForce }. Codes: OK (stored, or stored before by the same
-- writer), FENCED, CLOSED, BEHIND, CANCEL, GONE.
local run = redis.call('HMGET', KEYS[1], 'term', 'writer', 'lastSeq', 'closed', 'cancelRequestedAt', 'cancelForce',
  'maxLogBytes', 'tailBytes', 'dropTo', 'headSeq', 'status', 'dropped', 'headBytes')
if not run[3] then return { 'GONE', 0, 0, '', '' } end
local term, lastSeq = tonumber(ARGV[1]), tonumber(run[3])
local first, count = tonumber(ARGV[3]), tonumber(ARGV[4])
local last = first + count - 1
local dropped = tonumber(run[12] or 0)
local function answer(code) return { code, lastSeq, dropped, run[5] or '', run[6] or '' } end
local known = tonumber(run[1])
if term < known or (term == known and run[2] ~= ARGV[2]) then return answer('FENCED') end
if term == known and last <= lastSeq then return answer('OK') end
if run[4] == '1' then return answer('CLOSED') end
local hole = ARGV[11] ~= '' and first > lastSeq + 1
if first ~= lastSeq + 1 and not hole then
  if term > known then redis.call('HSET', KEYS[1], 'term', ARGV[1], 'writer', ARGV[2]) end
  return answer('BEHIND')
end
if ARGV[10] ~= '*' and (run[5] or '') ~= ARGV[10] then return answer('CANCEL') end

local before = lastSeq
redis.call('XADD', KEYS[2], last .. '-0', 'd', ARGV[5], 'l', ARGV[6], 'b', ARGV[7])
lastSeq = last
local set = { 'lastSeq', last, 'term', ARGV[1], 'writer', ARGV[2] }
if ARGV[9] == '1' then set[#set + 1] = 'closed'; set[#set + 1] = '1' end
if ARGV[14] ~= '' then set[#set + 1] = 'logIndex'; set[#set + 1] = ARGV[14] end
local changes = 16 + tonumber(ARGV[15])
-- In parts: Lua refuses to unpack some thousand values at once.
for from = 16, changes - 1, 1000 do redis.call('HSET', KEYS[3], unpack(ARGV, from, math.min(from + 999, changes - 1))) end
for i = changes, #ARGV do set[#set + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(set))
if hole then
  -- The totals count everything that was written; lines that are lost count as dropped.
  local lost = tonumber(ARGV[11]) - tonumber(redis.call('HGET', KEYS[1], 'lines') or 0)
  -- Holes for logStats, at most about 4 KB of them: first seq, last seq, lines.
  local holes = redis.call('HGET', KEYS[1], 'holes') or ''
  if #holes < 4096 then
    redis.call('HSET', KEYS[1], 'holes', holes .. (before + 1) .. ',' .. (first - 1) .. ',' .. math.max(lost, 0) .. ';')
  end
  redis.call('HSET', KEYS[1], 'lines', ARGV[11], 'bytes', ARGV[12])
  if lost > 0 then dropped = redis.call('HINCRBY', KEYS[1], 'dropped', lost) end
end
if ARGV[6] ~= '0' then
  redis.call('HINCRBY', KEYS[1], 'lines', ARGV[6])
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[7])
end

-- The budget: the first half stays, the tail keeps the last half, whole entries between them are deleted.
local half = tonumber(run[7]) / 2
local size = charge(ARGV[5])
if not run[10] then
  local head = tonumber(run[13] or 0) + size
  if head > half then
    redis.call('HSET', KEYS[1], 'headSeq', first - 1)
    run[10] = first - 1
    run[8] = 0
  else
    redis.call('HSET', KEYS[1], 'headBytes', head)
  end
end
if run[10] then
  local tail = tonumber(run[8] or 0) + size
  if tail > half then
    local lines, bytes = 0, 0
    local from = tonumber(run[9] or run[10])
    while tail > half do
      local page = redis.call('XRANGE', KEYS[2], (from + 1) .. '-0', '(' .. last .. '-0', 'COUNT', 16)
      if #page == 0 then break end
      for _, entry in ipairs(page) do
        if tail <= half then break end
        local f = entry[2]
        -- An attempt can store entries of any form.
        lines = lines + (tonumber(f[4]) or 0)
        bytes = bytes + (tonumber(f[6]) or 0)
        tail = tail - charge(f[2])
        from = tonumber(string.match(entry[1], '^(%d+)'))
        redis.call('XDEL', KEYS[2], entry[1])
      end
    end
    redis.call('HSET', KEYS[1], 'dropTo', from)
    -- If an older version, without dropLines, began to drop, the count would be too small: leave it out.
    if not run[9] or redis.call('HGET', KEYS[1], 'dropLines') then
      redis.call('HINCRBY', KEYS[1], 'dropLines', lines)
    end
    redis.call('HINCRBY', KEYS[1], 'dropBytes', bytes)
    dropped = redis.call('HINCRBY', KEYS[1], 'dropped', lines)
  end
  redis.call('HSET', KEYS[1], 'tailBytes', tail)
end

if ARGV[9] == '1' then
  local retention = redis.call('HGET', fixed, 'retentionMs') or redis.call('HGET', KEYS[1], 'retentionMs')
  redis.call('PEXPIRE', KEYS[1], retention)
  redis.call('PEXPIRE', KEYS[2], retention)
  redis.call('PEXPIRE', KEYS[3], retention)
end
redis.call('PUBLISH', ARGV[8], ARGV[5])
if #ARGV >= changes then notify('UPDATED', run[11], ARGV[13]) end
return answer('OK')
