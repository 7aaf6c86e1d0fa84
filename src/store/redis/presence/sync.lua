-- Corrects one process's record of a room's users, publishes the corrections to all subscribers, and returns
-- the record of all processes. Corrections are users who came and left while the process could not report it.
--
-- The first write is one that needs no memory, so that a full server refuses none of the others: otherwise
-- users would vanish from each other's lists for a few bytes of presence.
--
-- KEYS  1 the room's users: '<instance>:<user>' -> handle
--       2 the networks of its guests: '<instance>:<user>' -> digest of a network
-- ARGV  1 instance   2 ms after which the hashes expire without another sync   3 channel
--       4.. user, handle, network or '', user, handle, network or '', …
-- Answer: both hashes, as HGETALL returns them, without networks of users who are not in the room

local who, networks, own = KEYS[1], KEYS[2], ARGV[1] .. ':'
redis.call('PEXPIRE', who, ARGV[2])
redis.call('PEXPIRE', networks, ARGV[2])

-- Publishes an event in the form of ephemeral.ts.
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
  -- A process of an older version removes only the users of closed connections, not their networks.
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
