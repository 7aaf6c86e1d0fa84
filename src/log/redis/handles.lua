-- Decides who has which handle in a room. It stands before the scripts that need it (scripts.ts).
--
-- A hash of the room holds what a reader takes a handle for (a look) -> '<ms until, 13 digits><rank><user>'. A user with a higher
-- rank takes a look from one with a lower rank; between equals the first one has it. A claim of a user who neither is in the room
-- nor speaks there ends by itself.
--
-- Names that a script uses: CLAIM_MS, FRESH_MS, MAX_CLAIMS, SWEEP_MS, LAST_NUMBER, DIGIT_LOOKS (handle-claims.ts)

-- A handle of emoji can look like a kilobyte. No look is the empty field, which holds when ended claims were last removed.
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

-- What a number looks like.
local function digitLooks(number)
  return (string.gsub(tostring(number), '%d', function(digit)
    return string.sub(DIGIT_LOOKS, digit + 1, digit + 1)
  end))
end

-- Returns nothing where the user has the handle already, else a table: `number`, what is to follow the stem ('' = the handle as
-- it is), and `fields`, the looks to claim. It only reads.
--
-- owner  rank and user             first  the first look
-- rest   '', or four lines: the second look or '', the looks of the stem, the stem as JSON without its quotes
local function settle(claims, owner, first, rest, now, draw)
  if rest == '' then
    -- The ordinary message: one call.
    local claim = redis.call('HGET', claims, lookField(first))
    if isOwn(claim, owner, now + FRESH_MS) then
      return
    end
  end
  local second, stemFirst, stemSecond, stem = '', first, '', nil
  if rest ~= '' then
    second, stemFirst, stemSecond, stem = string.match(rest, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  end
  -- Two looks or one, for each number; false = none.
  local fields = { lookField(first), second ~= '' and lookField(second) }
  local held = redis.call('HMGET', claims, fields[1], fields[2] or fields[1])
  if isOwn(held[1], owner, now + FRESH_MS) and isOwn(held[2], owner, now + FRESH_MS) then
    return
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
    -- In a crowd of look-alikes, or of claims: the user's own number, or one that nobody can have claimed before.
    local digits = 100000 + tonumber(string.sub(redis.sha1hex(owner .. stemFirst), 1, 7), 16) % 900000
    local look = lookField(stemFirst .. digitLooks(digits))
    if not isFree(redis.call('HGET', claims, look), owner, now) then
      digits = 100000 + draw % 900000
      look = lookField(stemFirst .. digitLooks(digits))
    end
    return { number = tostring(digits), stem = stem, fields = count < 2 * MAX_CLAIMS and { look } or {}, isCrowd = true }
  end
  return { number = number, stem = stem, fields = fields }
end

-- Removes the claims that have ended, at most once per SWEEP_MS.
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

-- Writes down what `settle` decided.
local function claim(claims, owner, settled, now)
  local value = string.format('%013.0f', now + CLAIM_MS) .. owner
  for i = 1, 2 do
    if settled.fields[i] then
      redis.call('HSET', claims, settled.fields[i], value)
    end
  end
  if settled.isCrowd then
    sweep(claims, now)
  end
  redis.call('PEXPIRE', claims, CLAIM_MS)
end
