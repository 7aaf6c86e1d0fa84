-- Decides who has which handle in a room. It is the body of a function, `handleRules`, that is prepended to
-- the scripts that need it (scripts.ts): a function that is not called costs a run of a script nothing.
--
-- A hash of the room maps the look of a handle, which similar handles share, to '<ms until, 13
-- digits><rank><user>'. A user with a higher rank takes a look from one with a lower rank; between equals the
-- first one keeps it. The claim of a user who neither is in the room nor writes there expires.
--
-- A sender's hash has in its field ',', which is no valid key, since when the sender has a handle, and its
-- look. When the look is taken by another user or released, the field is removed. So an ordinary message
-- reads one more field, and not the hash of the room.
--
-- `prefix` is the part before the user in the name of a sender's hash. Constants: CLAIM_MS, FRESH_MS,
-- MAX_CLAIMS, SWEEP_MS, LAST_NUMBER, DIGIT_LOOKS (claim-limits.ts, numbered-handle.ts)

-- The look of a handle of emoji can have a kilobyte, so long ones are hashed. The empty field is no look; it
-- has the time at which expired claims were last removed.
local function lookField(look)
  return #look > 40 and redis.sha1hex(look) or look
end

local function isOwn(claim, owner, now)
  return claim and string.sub(claim, 14) == owner and tonumber(string.sub(claim, 1, 13)) > now
end

local function isFree(claim, owner, now)
  return not claim or string.sub(claim, 14) == owner or tonumber(string.sub(claim, 1, 13)) <= now
    or string.byte(claim, 14) < string.byte(owner, 1)
end

-- Returns the look of a number.
local function digitLooks(number)
  return (string.gsub(tostring(number), '%d', function(digit)
    return string.sub(DIGIT_LOOKS, digit + 1, digit + 1)
  end))
end

-- Returns a table: `number`, to be added to the stem ('' = the handle is unchanged), `fields`, the looks to
-- claim, and `till` if the existing claim lasts for a while. Only reads.
--
-- wanted  lines: rank and user, the first look, and nothing more, or: the second look or '', the looks of the
-- stem, and the stem as
--         JSON without its quotes
local function settle(claims, wanted, now, draw)
  local owner, first, rest = string.match(wanted, '^([^\n]*)\n([^\n]*)\n?(.*)$')
  local second, stemFirst, stemSecond, stem = '', first, '', nil
  if rest ~= '' then
    second, stemFirst, stemSecond, stem = string.match(rest, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  end
  -- Two looks or one, for each number; false = none.
  local fields = { lookField(first), second ~= '' and lookField(second) }
  local held = redis.call('HMGET', claims, fields[1], fields[2] or fields[1])
  if isOwn(held[1], owner, now + FRESH_MS) and isOwn(held[2], owner, now + FRESH_MS) then
    return { number = '', fields = {}, owner = owner, till = tonumber(string.sub(held[1], 1, 13)) }
  end
  local isKnown = isOwn(held[1], owner, now) and isOwn(held[2], owner, now)
  local number = isFree(held[1], owner, now) and isFree(held[2], owner, now) and '' or nil
  if not number then
    local asked = {}
    for candidate = 2, LAST_NUMBER do
      local looks = digitLooks(candidate)
      asked[#asked + 1] = lookField(stemFirst .. looks)
      asked[#asked + 1] = lookField((stemSecond ~= '' and stemSecond or stemFirst) .. looks)
    end
    held = redis.call('HMGET', claims, unpack(asked))
    for i = 1, #asked, 2 do
      isKnown = isOwn(held[i], owner, now) and isOwn(held[i + 1], owner, now)
      if isKnown or not number and isFree(held[i], owner, now) and isFree(held[i + 1], owner, now) then
        number, fields = tostring(i / 2 + 1.5), { asked[i], asked[i + 1] ~= asked[i] and asked[i + 1] }
      end
      if isKnown then
        break
      end
    end
  end
  local count = not isKnown and redis.call('HLEN', claims) or 0
  if not number or count >= MAX_CLAIMS and string.sub(owner, 1, 1) == '0' then
    -- With too many look-alikes, or too many claims: the user's own number, or one that cannot have been
    -- claimed before.
    local digits = 100000 + tonumber(string.sub(redis.sha1hex(owner .. stemFirst), 1, 7), 16) % 900000
    local look = lookField(stemFirst .. digitLooks(digits))
    if not isFree(redis.call('HGET', claims, look), owner, now) then
      digits = 100000 + draw % 900000
      look = lookField(stemFirst .. digitLooks(digits))
    end
    return { number = tostring(digits), owner = owner, stem = stem, fields = count < 2 * MAX_CLAIMS and { look } or {}, isCrowd = true }
  end
  return { number = number, owner = owner, stem = stem, fields = fields }
end

-- Removes the expired claims, at most once per SWEEP_MS.
local function sweep(claims, now)
  if tonumber(redis.call('HGET', claims, '') or 0) > now - SWEEP_MS then
    return
  end
  local all = redis.call('HGETALL', claims)
  for i = 1, #all, 2 do
    if all[i] ~= '' and tonumber(string.sub(all[i + 1], 1, 13)) <= now then
      redis.call('HDEL', claims, all[i])
    end
  end
  redis.call('HSET', claims, '', string.format('%.0f', now))
end

-- Removes the note of a user who may no longer have the handle.
local function forget(user)
  redis.call('HDEL', prefix .. user, ',')
end

-- Stores what `settle` decided.
local function claim(claims, settled, now)
  local owner = settled.owner
  local value = string.format('%013.0f', now + CLAIM_MS) .. owner
  for i = 1, 2 do
    local look = settled.fields[i]
    if look then
      local held = redis.call('HGET', claims, look)
      if held and string.sub(held, 15) ~= string.sub(owner, 2) then
        forget(string.sub(held, 15))
      end
      redis.call('HSET', claims, look, value)
    end
  end
  if settled.isCrowd then
    sweep(claims, now)
  end
  redis.call('PEXPIRE', claims, CLAIM_MS)
end

return { settle = settle, sweep = sweep, claim = claim, forget = forget, lookField = lookField }
