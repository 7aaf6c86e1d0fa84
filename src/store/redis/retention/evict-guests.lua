-- Deletes what is remembered of guests who began lately and wrote nothing for a while, to free space on a
-- full server.
--
-- Keeps the hashes of guests who began longer than `standing` ago, and of those who wrote within `idle`: a
-- client that does not know whether a message was stored sends it again within that time.
--
-- KEYS  senders' hashes, younger and older generation alternating
-- ARGV  1 idle, ms   2 standing, ms
-- Answer: how many senders were forgotten, and how many are kept only because they wrote within `idle`

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local forgotten, waiting = 0, 0

-- Returns the times of values: message ids and, in the field '.', a time. Both begin with ms since 1970.
local function times(key, first, last)
  local fields = redis.call('HGETALL', key)
  for i = 2, #fields, 2 do
    local ms = tonumber(string.match(fields[i], '^%d+')) or 0
    first, last = math.min(first, ms), math.max(last, ms)
  end
  return first, last
end

for i = 1, #KEYS, 2 do
  local first, last = times(KEYS[i], math.huge, 0)
  first, last = times(KEYS[i + 1], first, last)
  if first > now - ARGV[2] then
    if last < now - ARGV[1] then
      redis.call('DEL', KEYS[i], KEYS[i + 1])
      forgotten = forgotten + 1
    else
      waiting = waiting + 1
    end
  end
end
return { forgotten, waiting }
