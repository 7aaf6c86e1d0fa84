-- Puts one process's record of a room's people right, tells all subscribers what was wrong, and returns
-- everybody's. What was wrong is who came and went while the process could not say so.
--
-- The first write is one that needs no memory, so that a full server refuses none of the others: a few
-- bytes of presence must not be what makes people vanish from each other's lists.
--
-- KEYS  1 the room's people: '<instance>:<user>' -> handle
--       2 where its guests come from: '<instance>:<user>' -> digest of a network
-- ARGV  1 instance   2 ms after which the hashes go if nobody asks again   3 channel
--       4.. user, handle, network or '', user, handle, network or '', …
-- Answer: both hashes, as HGETALL gives them, without networks of people who are not there

local who, networks, own = KEYS[1], KEYS[2], ARGV[1] .. ':'
redis.call('PEXPIRE', who, ARGV[2])
redis.call('PEXPIRE', networks, ARGV[2])

-- As presence-hint.ts has it.
local function tell(hint)
  hint.instance = ARGV[1]
  redis.call('PUBLISH', ARGV[3], cjson.encode(hint))
end

local missing, origins = {}, {}
for i = 4, #ARGV, 3 do
  missing[own .. ARGV[i]] = ARGV[i + 1]
  if ARGV[i + 2] ~= '' then
    origins[own .. ARGV[i]] = ARGV[i + 2]
  end
end

local changed, present = false, {}
local people = redis.call('HGETALL', who)
for i = 1, #people, 2 do
  local field = people[i]
  present[field] = true
  if string.sub(field, 1, #own) == own then
    if missing[field] == nil then
      redis.call('HDEL', who, field)
      present[field] = nil
      tell({ type = 'exit', user = string.sub(field, #own + 1) })
      changed = true
    elseif missing[field] == people[i + 1] then
      missing[field] = nil
    end
  end
end
for field, handle in pairs(missing) do
  redis.call('HSET', who, field, handle)
  present[field] = true
  tell({ type = 'enter', person = {
    id = string.sub(field, #own + 1), handle = handle, network = origins[field] } })
  changed = true
end

local known = redis.call('HGETALL', networks)
for i = 1, #known, 2 do
  local field = known[i]
  -- A process of a version before this one takes only the people of connections that are gone away.
  if not present[field] then
    redis.call('HDEL', networks, field)
  elseif origins[field] == known[i + 1] then
    origins[field] = nil
  end
end
for field, network in pairs(origins) do
  redis.call('HSET', networks, field, network)
  changed = true
end

if not changed then
  return { people, known }
end
redis.call('PEXPIRE', who, ARGV[2])
redis.call('PEXPIRE', networks, ARGV[2])
return { redis.call('HGETALL', who), redis.call('HGETALL', networks) }
