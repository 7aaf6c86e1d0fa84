-- Deletes a room's stream if no user is in the room, and at most one message is left, which is not new.
--
-- KEYS  1 the room's stream   2 the room's users
-- ARGV  1 ms after which a message is not new
-- Answer: 1 = deleted, 0 = kept

local time = redis.call('TIME')
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 2)
if #newest > 1 or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
if newest[1] and tonumber(string.match(newest[1][1], '^%d+')) > time[1] * 1000 - ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
