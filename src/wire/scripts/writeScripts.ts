/**
 * The Lua scripts that write a run's log and record. Each is atomic: status and log never disagree,
 * and what is announced is stored (PROTOCOL.md, part 4). Keys: the record, then the log.
 *
 * Common to all: a field whose value is '' stands for null. `version` goes up and run_updates is told
 * when a change is one that Run shows (not for lines alone, which change with every append).
 */

/** Tells run_updates that the record changed; `before` is the status that it had. */
const TELL = `
local function tell(kind, before)
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('PUBLISH', 'run_updates', cjson.encode({ runId = redis.call('HGET', KEYS[1], 'id'), kind = kind, before = before, version = version }))
end
local function nowMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end`;

/**
 * The bytes that an entry is charged with: its body before compression, so at least one per event (PROTOCOL.md, W5c).
 * The header tells it (part 3).
 */
const CHARGE = `
local function charge(batch)
  if string.byte(batch, 1) ~= 0x5a then return #batch - 8 end
  local a, b, c, d = string.byte(batch, 9, 12)
  return ((a * 256 + b) * 256 + c) * 256 + d
end`;

/**
 * Appends one batch.
 * ARGV: 1 term, 2 writer, 3 first seq, 4 count, 5 batch, 6 lines, 7 message bytes, 8 channel,
 *       9 '1' where this batch closes the log,
 *       10 the cancelRequestedAt that the writer knows ('' none, '*' any): a closing or status change
 *          that does not know of a cancel is answered CANCEL and not stored,
 *       11 and 12 '' or, where the store lost more than the writer has at hand: the lines and message bytes of the
 *          whole log before this batch. It may then begin beyond lastSeq + 1 (readers get a LinesDropped),
 *       13… field, value: changes of the record.
 * Answers { code, lastSeq, dropped lines, cancelRequestedAt, cancelForce }:
 *   OK (stored, or there already from the same writer), FENCED, CLOSED, BEHIND, CANCEL, GONE.
 */
export const APPEND = `${TELL}${CHARGE}
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

redis.call('XADD', KEYS[2], last .. '-0', 'd', ARGV[5], 'l', ARGV[6], 'b', ARGV[7])
lastSeq = last
local set = { 'lastSeq', last, 'term', ARGV[1], 'writer', ARGV[2] }
if ARGV[9] == '1' then set[#set + 1] = 'closed'; set[#set + 1] = '1' end
for i = 13, #ARGV do set[#set + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(set))
if hole then
  -- The totals are those of what was written; lines that nobody has any more count as dropped.
  local lost = tonumber(ARGV[11]) - tonumber(redis.call('HGET', KEYS[1], 'lines') or 0)
  redis.call('HSET', KEYS[1], 'lines', ARGV[11], 'bytes', ARGV[12])
  if lost > 0 then dropped = redis.call('HINCRBY', KEYS[1], 'dropped', lost) end
end
if ARGV[6] ~= '0' then
  redis.call('HINCRBY', KEYS[1], 'lines', ARGV[6])
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[7])
end

-- The budget: the first half stays, the tail keeps the last half, whole entries between them go.
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
        lines = lines + tonumber(f[4])
        bytes = bytes + tonumber(f[6])
        tail = tail - charge(f[2])
        from = tonumber(string.match(entry[1], '^(%d+)'))
        redis.call('XDEL', KEYS[2], entry[1])
      end
    end
    redis.call('HSET', KEYS[1], 'dropTo', from)
    -- A log that began to lose its middle under a version without dropLines never gets it: it would be too small.
    if not run[9] or redis.call('HGET', KEYS[1], 'dropLines') then
      redis.call('HINCRBY', KEYS[1], 'dropLines', lines)
    end
    redis.call('HINCRBY', KEYS[1], 'dropBytes', bytes)
    dropped = redis.call('HINCRBY', KEYS[1], 'dropped', lines)
  end
  redis.call('HSET', KEYS[1], 'tailBytes', tail)
end

if ARGV[9] == '1' then
  local retention = redis.call('HGET', KEYS[1], 'retentionMs')
  redis.call('PEXPIRE', KEYS[1], retention)
  redis.call('PEXPIRE', KEYS[2], retention)
end
redis.call('PUBLISH', ARGV[8], ARGV[5])
if #ARGV > 12 then tell('UPDATED', run[11]) end
return answer('OK')`;

/**
 * Puts one entry in the place of the newest entries of a log, which hold the same events in smaller batches.
 * ARGV: 1 term, 2 writer, 3 first seq, 4 last seq, 5 number of the entries, 6 batch, 7 lines, 8 message bytes.
 * Answers 1, or 0 with nothing changed, where the log's end is not exactly what the writer takes it for, or where
 * a border of the budget lies in it (the budget drops whole entries).
 * A stream takes only IDs above its top, so the new entry's is <last seq>-1. (To lower the top with XSETID is refused
 * by Redis 7.2, and would have the old entries go before the new one is there.) It is stored first: whatever stops the
 * script, no event is missing. Nobody is told: all was announced.
 */
export const COMPACT = `${CHARGE}
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
-- One entry has fewer segments than many.
if run[5] and first > tonumber(run[5]) then redis.call('HINCRBY', KEYS[1], 'tailBytes', charge(ARGV[6]) - charged) end
return 1`;

/**
 * Becomes the log's writer: the term goes up.
 * ARGV: 1 writer, 2 attempt it is for (0: any), 3 statuses it may be in, comma-separated, 4 term that must be the
 *       present one ('' any).
 * Answers { code, now, field, value, … } with the whole record: OK, REFUSED (not in such a state), GONE.
 * A second call by the same writer answers OK and changes nothing.
 */
export const CLAIM = `${TELL}
local run = redis.call('HMGET', KEYS[1], 'term', 'writer', 'closed', 'status', 'nextAttempt', 'attempt')
if not run[1] then return { 'GONE', nowMs() } end
local function answer(code)
  local reply = redis.call('HGETALL', KEYS[1])
  table.insert(reply, 1, nowMs())
  table.insert(reply, 1, code)
  return reply
end
if run[3] == '1' then return answer('REFUSED') end
if run[2] == ARGV[1] then return answer('OK') end
local attempt = run[4] == 'PENDING' and run[5] or run[6]
if ARGV[2] ~= '0' and attempt ~= ARGV[2] then return answer('REFUSED') end
if not string.find(',' .. ARGV[3] .. ',', ',' .. run[4] .. ',', 1, true) then return answer('REFUSED') end
if ARGV[4] ~= '' and run[1] ~= ARGV[4] then return answer('REFUSED') end
redis.call('HSET', KEYS[1], 'term', run[1] + 1, 'writer', ARGV[1])
return answer('OK')`;

/**
 * Makes a run: its record and its first events in one step.
 * ARGV: 1 batch, 2 its last seq, 3 channel, 4… field, value.
 * Answers 1, or 0 where the run is there already (the call is repeated).
 */
export const CREATE = `${TELL}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local set = {}
for i = 4, #ARGV do set[#set + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(set))
redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'd', ARGV[1], 'l', '0', 'b', '0')
redis.call('PUBLISH', ARGV[3], ARGV[1])
tell('CREATED', false)
return 1`;

/**
 * Asks for a cancel. ARGV: 1 reason, 2 '1' for force, 3 control channel.
 * Answers { code, term, status }: OK (noted now or before), CLOSED (it has ended), GONE.
 * The first call's instant and reason stay; force can be added later.
 */
export const CANCEL = `${TELL}
local run = redis.call('HMGET', KEYS[1], 'term', 'status', 'closed', 'cancelRequestedAt', 'cancelForce')
if not run[1] then return { 'GONE', '', '' } end
if run[3] == '1' then return { 'CLOSED', run[1], run[2] } end
local changed = false
if (run[4] or '') == '' then
  redis.call('HSET', KEYS[1], 'cancelRequestedAt', nowMs(), 'cancelReason', ARGV[1])
  changed = true
end
if ARGV[2] == '1' and run[5] ~= '1' then
  redis.call('HSET', KEYS[1], 'cancelForce', '1')
  changed = true
end
redis.call('PUBLISH', ARGV[3], cjson.encode({ kind = 'cancel', force = ARGV[2] == '1' or run[5] == '1' }))
if changed then tell('UPDATED', run[2]) end
return { 'OK', run[1], run[2] }`;

/**
 * Removes a finished run. KEYS: record, log, lease.
 * Answers 1 removed, 0 not finished, -1 not there.
 */
export const DELETE = `
local run = redis.call('HMGET', KEYS[1], 'closed', 'status', 'id')
if not run[3] then return -1 end
if run[1] ~= '1' then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('PUBLISH', 'run_updates', cjson.encode({ runId = run[3], kind = 'DELETED', before = run[2], version = 0 }))
return 1`;
