-- Says how many things of one caller a process holds. KEYS: 1 hash: process, `<number> <expiry in ms since 1970>`.
-- ARGV: 1 process, 2 wanted number, 3 most of all processes together, 4 TTL in ms.
-- Stores as many of the wanted ones as the other processes leave, and returns that number. 0 removes the process.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local number, expiry = string.match(all[i + 1], '^(%d+) (%d+)$')
  if tonumber(expiry) <= now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then
    others = others + tonumber(number)
  end
end
local granted = math.min(tonumber(ARGV[2]), math.max(tonumber(ARGV[3]) - others, 0))
if granted == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f', granted, now + tonumber(ARGV[4])))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return granted
