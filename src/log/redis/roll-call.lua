-- Puts one process's record of a room's people right, tells all subscribers what was wrong, and returns
-- everybody's. What was wrong is who came and went while the process could not say so.
--
-- The first write is one that needs no memory, so that a full server refuses none of the others: a few
-- bytes of presence must not be what makes people vanish from each other's lists.
--
-- KEYS  1 the room's people: '<instance>:<user>' -> handle
-- ARGV  1 instance   2 ms after which the hash goes if nobody asks again   3 channel
--       4.. user, handle, user, handle, …
-- Answer: the hash, as HGETALL gives it

local who, own = KEYS[1], ARGV[1] .. ':'
redis.call('PEXPIRE', who, ARGV[2])

-- As presence-hint.ts has it.
local function tell(hint)
  hint.instance = ARGV[1]
  redis.call('PUBLISH', ARGV[3], cjson.encode(hint))
end

local missing = {}
for i = 4, #ARGV, 2 do
  missing[own .. ARGV[i]] = ARGV[i + 1]
end

local changed = false
local people = redis.call('HGETALL', who)
for i = 1, #people, 2 do
  local field = people[i]
  if string.sub(field, 1, #own) == own then
    if missing[field] == nil then
      redis.call('HDEL', who, field)
      tell({ type = 'exit', user = string.sub(field, #own + 1) })
      changed = true
    elseif missing[field] == people[i + 1] then
      missing[field] = nil
    end
  end
end
for field, handle in pairs(missing) do
  redis.call('HSET', who, field, handle)
  tell({ type = 'enter', person = { id = string.sub(field, #own + 1), handle = handle } })
  changed = true
end

if not changed then
  return people
end
redis.call('PEXPIRE', who, ARGV[2])
return redis.call('HGETALL', who)
