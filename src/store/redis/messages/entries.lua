-- Functions for scripts that add an entry to a room's stream.
--
-- A stream entry has the fields p (id of the entry before it), n (frame bytes of the store so far, this entry
-- included, which makes the byte limit cheap) and b (body: the frame without its first two members); an access
-- entry also has the field a (the change, access.ts), which clients do not get. Every entry after an access entry
-- has the field r: so that of a room whose newest entry has neither, the rules need not be read.

local call = redis.call

local function field(entry, name)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
end

-- The newest entry's id, the two numbers of it, the bytes of the stream, whether there is an entry, and whether
-- the room may have access rules: it may if the stream is empty, too.
local function tailOf(stream)
  local last = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if not last then
    return '0-0', 0, 0, 0, false, true
  end
  local ms, number = string.match(last[1], '^(%d+)-(%d+)$')
  local hasRules = field(last, 'r') or field(last, 'a')
  return last[1], tonumber(ms), tonumber(number), tonumber(field(last, 'n') or 0) or 0, true, hasRules
end

-- The id of the next entry, and its time.
local function idAfter(lastMs, lastNumber, now, random)
  local ms = math.max(math.floor(now), lastMs)
  local number = (ms == lastMs and lastNumber or 0) + random
  -- Above 2^53 a double cannot represent every integer.
  if number > 9000000000000000 then
    ms, number = ms + 1, tonumber(random)
  end
  return string.format('%.0f-%.0f', ms, number), ms
end

-- The tag proves to subscribers that a script which knows the secret stored the entry (publications.ts). It
-- has 64 of the 160 bits of the hash: with all of them an attacker could continue the hash (length
-- extension), and so sign a longer text without the secret.
local function tagOf(signed)
  return string.sub(redis.sha1hex(signed), 1, 16)
end

-- The channel's name is made from the stream's (keys.ts).
local function channelOf(stream)
  return string.sub(stream, 1, -1 - STREAM_END) .. CHANNEL_NAME
end
