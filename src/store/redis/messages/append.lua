-- Stores one message of a room and publishes it: all of it or nothing, in one round trip.
--
-- The order matters. Redis refuses only a script's first write for lack of memory, so XADD is the first one:
-- if it is refused, nothing was written; if it is accepted, so is the rest. Every check that can refuse the
-- message (deadline, known key, rate) comes before it and only reads, and so does the decision about the
-- handle. There is no `#!lua` line on purpose: with it Redis would refuse the whole script for lack of
-- memory, and a repeated key, which needs none, would not get its id.
--
-- KEYS  1 the room's stream   2, 3 the sender's hash in this room: younger and older generation
--       4 the claims of handles in the room (handles.lua, which is prepended to this script)
--       5 the room's access rules (access.lua)
--       6, 7 for a guest only: the used limits of this room's guests, and of the guests of the address
-- ARGV  1 deadline, ms by this server's clock
--       2 key or ''           3 body: the frame without its first two members
--       4 a random number     5 the claim of the handle (handles.lua), or '' if the handle is not checked
--       6 absent, or letters: 'r' a new room must not be made, 'w' a new sender's hash must not be made,
--         'm' the sender may moderate; and for a guest the subject of the network's access rule
-- Answer: {'stored', id, made, the number after the handle, if that is another user's} | {'duplicate', id} |
--         {'forbidden', the most that the sender may do} | {'rate-limited', ms, 'user' | 'address' | 'room'} |
--         {'late'} | {'no-room'} | {'no-writer'};
--         made: 1 a sender's hash, 2 a room, 3 both, 0 neither
--
-- The names in capitals are the limits, and the store's secret, which are the same for all messages of a
-- process. They are prepended to this text as `local NAME = value` (append-script.ts), which is cheaper than
-- to send and read them each time.
--
-- The sender's hash maps keys to ids; its fields '.' and ',', which are no valid keys, have the time at which
-- the sender's credit is full again, and the note of handles.lua.
--
-- Guests can be made without end, so their messages are limited per address and per room too, with one number
-- each:
--
-- KEYS[7]  A count of the address's messages that decays to 1/e in GUEST_BURST_MS. It may not pass
--          ADDRESS_BURST, so ADDRESS_BURST messages may come at once, and ADDRESS_BURST per GUEST_BURST_MS for
--          ever. The stored value is the time at which the count has decayed to 1, from which the count at
--          any other time follows.
-- KEYS[6]  The time at which the room's credit of GUEST_BURST_MS is full again (GCRA, as for one sender). A
--          message is stored if what the room has used and what the address has lately used of it are
--          together no more than this credit. So addresses that want more than there is all get the same
--          share, and one that wants less than this share gets what it wants: with n addresses at a room,
--          each has at least 1/(n + 1) of the room's rate, whatever the others try.

local stream, younger, older = KEYS[1], KEYS[2], KEYS[3]
local handles, access, guests, address = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local key, body, random, notes = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local HOUR = 3600000

local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000

-- A command can wait in the socket of a frozen server, and run when the server continues, long after its
-- sender was told that it failed.
if now > tonumber(ARGV[1]) then
  return { 'late' }
end

-- One call for all three: a call costs as much as the whole tag below. '' is never a field.
local sent = call('HMGET', younger, key, '.', ',')

if key ~= '' then
  local id = sent[1] or call('HGET', older, key)
  if id and tonumber(string.match(id, '^%d+')) > now - KEY_MS then
    return { 'duplicate', id }
  end
end

-- GCRA: one number, when the credit is full again, is the whole token bucket.
local full
if INTERVAL_MS > 0 then
  -- A guest who is not remembered here begins with a small credit.
  local stored = sent[2] and tonumber(sent[2]) or guests and now + CREDIT_MS - NEW_GUEST_MS or 0
  -- More than the whole credit (plus an interval, for rounding) can only be missing because the server's
  -- clock was set back.
  if stored > now + CREDIT_MS + INTERVAL_MS then
    stored = now
  end
  full = math.max(stored, now) + INTERVAL_MS
  local wait = full - CREDIT_MS - now
  if wait > 0 then
    return { 'rate-limited', math.ceil(wait), 'user' }
  end
end

local roomFull, addressCount
if guests and ADDRESS_BURST + ROOM_INTERVAL_MS > 0 then
  local used = call('MGET', guests, address)
  -- Nothing stored means a count of 0. A count above the highest possible one means that the server's clock
  -- was set back.
  local count = math.exp((tonumber(used[2] or 0) - now) / GUEST_BURST_MS)
  if count > HIGHEST_COUNT then
    count = 0
  end
  addressCount = count + 1
  if ADDRESS_BURST > 0 and addressCount > ADDRESS_BURST then
    return { 'rate-limited', math.ceil(GUEST_BURST_MS * math.log(count / (ADDRESS_BURST - 1))), 'address' }
  end
  local stored = tonumber(used[1] or 0)
  if stored > now + GUEST_BURST_MS + ROOM_INTERVAL_MS then
    stored = now
  end
  roomFull = math.max(stored, now) + ROOM_INTERVAL_MS
  local wait = roomFull - now + ROOM_INTERVAL_MS * count - GUEST_BURST_MS
  if ROOM_INTERVAL_MS > 0 and wait > 0 then
    return { 'rate-limited', math.ceil(wait), 'room' }
  end
end

local wanted = ARGV[5]
local rules, settled
-- Usually the sender already has the handle, and keeps it for a while.
local note = sent[3]
local isNoted = note and string.sub(note, 15) == wanted and tonumber(string.sub(note, 1, 13)) + FRESH_MS > now
if wanted ~= '' and not isNoted then
  rules = handleRules(string.sub(younger, 1, #younger + 2 - string.find(wanted, '\n', 1, true)))
  settled = rules.settle(handles, wanted, now, random)
end
if settled and settled.number ~= '' then
  -- The first match in the body is not inside a text: there the quotes would be escaped.
  local _, before = string.find(body, ',"handle":"', 1, true)
  local behind = string.find(body, '","text":"', before, true)
  local stem = settled.stem or string.sub(body, before + 1, behind - 1)
  body = string.sub(body, 1, before) .. stem .. ' ' .. settled.number .. string.sub(body, behind)
end

local prev, lastMs, lastNumber, bytesBefore, isOld, mayHaveRules = tailOf(stream)

-- Whether the sender may write, by the rules of the room and by those for all rooms. The processes check it
-- too, but one may not have heard of a rule yet.
local function allowed(rules)
  local user, network = string.match(younger, '[^:]+$'), notes and string.match(notes, '@.+') or ''
  for _, rule in ipairs(call('HMGET', rules, user, '*', network)) do
    local right, ends, binds = string.match(rule or '', '^(%a+) (%d+) (%S)')
    local isOver = ends ~= '0' and tonumber(ends or 0) <= now
    local isExempt = binds ~= 'p' and notes and string.find(notes, '^[^@]*m')
    if (right == 'none' or right == 'read') and not isOver and not isExempt then
      return right
    end
  end
end

local most = call('EXISTS', GLOBAL_ACCESS) == 1 and allowed(GLOBAL_ACCESS) or mayHaveRules and allowed(access)
if most then
  return { 'forbidden', most }
end

-- What must not be created besides the message (quotas.ts).
if notes then
  if not isOld and string.find(notes, '^[^@]*r') then
    return { 'no-room' }
  end
  if string.find(notes, '^[^@]*w') and call('EXISTS', younger) == 0 then
    return { 'no-writer' }
  end
end

local id, ms = idAfter(lastMs, lastNumber, now, random)

-- The hashed text: the secret, then the frame.
local signed = SECRET .. '{"id":"' .. id .. '","prev":"' .. prev .. '",' .. body
local bytes = bytesBefore + #signed - #SECRET

-- A room whose entries are gone, because memory was short or they were too old, may have rules all the same.
local hasRules = mayHaveRules and (isOld or call('EXISTS', access) == 1)
if hasRules then
  call('XADD', stream, 'MAXLEN', '~', HISTORY_MESSAGES, id, 'p', prev, 'n', bytes, 'r', '1', 'b', body)
else
  call('XADD', stream, 'MAXLEN', '~', HISTORY_MESSAGES, id, 'p', prev, 'n', bytes, 'b', body)
end

-- The age is checked once per hour only; the expiry is an hour later, so that the key does not expire before
-- that.
if math.floor(ms / HOUR) ~= math.floor(lastMs / HOUR) then
  call('XTRIM', stream, 'MINID', string.format('%.0f', ms - HISTORY_MS))
  call('PEXPIRE', stream, string.format('%.0f', HISTORY_MS + HOUR))
end

-- Bytes are checked each time a 64th of the limit has been added: the stream is at most that and two messages
-- above the limit, and most appends do no check.
local step = HISTORY_BYTES / 64
if math.floor(bytes / step) ~= math.floor(bytesBefore / step) and bytes > HISTORY_BYTES then
  local from, keep = '-', nil
  repeat
    local page = call('XRANGE', stream, from, '+', 'COUNT', 64)
    for _, entry in ipairs(page) do
      if (tonumber(field(entry, 'n') or 0) or 0) > bytes - HISTORY_BYTES then
        keep = entry[1]
        break
      end
      from = '(' .. entry[1]
    end
  until keep or #page == 0
  call('XTRIM', stream, 'MINID', keep or id)
end

local made = isOld and 0 or 2
if key ~= '' or full then
  if key ~= '' then
    -- Renaming a full generation over the older one forgets only keys before the last 128. One of eight
    -- messages checks.
    local held = sent[2] and random % 8 > 0 and 1 or call('HLEN', younger)
    if held > KEYS_PER_GENERATION then
      call('RENAME', younger, older)
    elseif held == 0 then
      made = made + 1
    end
  elseif not sent[2] then
    made = made + 1
  end
  if not full then
    call('HSET', younger, key, id)
  elseif key == '' then
    call('HSET', younger, '.', full)
  else
    call('HSET', younger, key, id, '.', full)
  end
  call('PEXPIRE', younger, SENDER_MS)
end

if addressCount then
  if ROOM_INTERVAL_MS > 0 then
    call('SET', guests, roomFull, 'PX', GUEST_BURST_MS)
  end
  local left = math.log(addressCount)
  -- When the key expires, a seventh of a message is left of the count.
  call('SET', address, now + GUEST_BURST_MS * left, 'PX', math.ceil(GUEST_BURST_MS * (left + 2)))
end

if settled then
  if not settled.till then
    rules.claim(handles, settled, now)
  end
  if settled.number == '' and #wanted <= 200 then
    -- The time at which the claim was made, because values in this hash begin with a past time
    -- (evict-guests.lua).
    local since = settled.till and settled.till - CLAIM_MS or now
    call('HSET', younger, ',', string.format('%013.0f ', since) .. wanted)
    call('PEXPIRE', younger, SENDER_MS)
  end
end

call(
  'PUBLISH',
  channelOf(stream),
  '{"id":"' .. id .. '","prev":"' .. prev .. '","tag":"' .. tagOf(signed) .. '",' .. body
)
return { 'stored', id, made, settled and settled.number ~= '' and settled.number or nil }
