-- Claims or extends the handles of users in a room, and releases those of users who have left.
--
-- The first write is one that needs no memory, so that a full server refuses none of the others.
--
-- KEYS  1 the claims (handles.lua)   2 the room's users: '<instance>:<user>' -> handle
-- ARGV  1 instance   2 a random number   3 number of claims
--       4 the part before the user in the name of a sender's hash
--       then the claims (handles.lua), then per user who has left: user, look, second look or ''
-- Answer: per claim the number after the stem; '' = the handle is unchanged

local claims, own = KEYS[1], ARGV[1] .. ':'
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
redis.call('PEXPIRE', claims, CLAIM_MS)
local rules = handleRules(ARGV[4])
rules.sweep(claims, now)

local numbers = {}
local last = 4 + ARGV[3]
for i = 5, last do
  local settled = rules.settle(claims, ARGV[i], now, ARGV[2] + i)
  if not settled.till then
    rules.claim(claims, settled, now)
  end
  numbers[#numbers + 1] = settled.number
end

if last == #ARGV then
  return numbers
end

-- A user who has left here and is still in the room on another process keeps the handle.
local present = {}
local people = redis.call('HGETALL', KEYS[2])
for i = 1, #people, 2 do
  local user = string.match(people[i], '^[^:]*:(.*)$')
  if user and string.sub(people[i], 1, #own) ~= own then
    present[user] = true
  end
end
for i = last + 1, #ARGV, 3 do
  for look = i + 1, i + 2 do
    local field = ARGV[look] ~= '' and not present[ARGV[i]] and rules.lookField(ARGV[look])
    local held = field and redis.call('HGET', claims, field)
    if held and string.sub(held, 15) == ARGV[i] then
      redis.call('HDEL', claims, field)
      rules.forget(ARGV[i])
    end
  end
end
return numbers
