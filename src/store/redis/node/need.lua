-- Makes the stored data need a feature, unless a living process does not know it. A process that comes later reads
-- what is needed after it has said what it knows (know.lua), so it is seen here, or sees the feature there.
--
-- DEL comes first because it needs no memory: a full server then lets HSET through.
--
-- KEYS  1 the features that the data needs   2 what each process knows, both as in know.lua
--       3 what each process reported: '<instance>' -> '<ms since 1970> …'
--       4 a key that does not exist
-- ARGV  1 feature   2 ms for which a process knows what it said   3 ms for which its report holds
-- Answer: the instances that do not know it; with none, it is needed from now on

redis.call('DEL', KEYS[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function isFresh(value, ms)
  return tonumber(string.match(value, '^%d+') or 0) >= now - ms
end

local known, ignorant = {}, {}
local knows = redis.call('HGETALL', KEYS[2])
for i = 1, #knows, 2 do
  local instance, value = knows[i], knows[i + 1]
  if not isFresh(value, ARGV[2]) then
    redis.call('HDEL', KEYS[2], instance)
  else
    known[instance] = true
    if not string.find(value .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then
      ignorant[#ignorant + 1] = instance
    end
  end
end

-- A release from before there were features reports, and does not say what it knows.
local reports = redis.call('HGETALL', KEYS[3])
for i = 1, #reports, 2 do
  if not known[reports[i]] and isFresh(reports[i + 1], ARGV[3]) then
    ignorant[#ignorant + 1] = reports[i]
  end
end

if #ignorant == 0 then
  redis.call('HSETNX', KEYS[1], ARGV[1], string.format('%.0f', now))
end
return ignorant
