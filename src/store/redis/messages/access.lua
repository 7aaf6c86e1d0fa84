-- Changes an access rule of a room: stores the rule, adds an entry to the room's stream, and publishes it.
--
-- HDEL comes first because it needs no memory: after it a full server accepts the rest, so that a user can be
-- shut out while a flood fills the memory.
--
-- KEYS  1 the room's stream   2 the room's access rules, or the marks
--       3 what the embedding app grants now, by user (grants.ts)
-- ARGV  1 deadline, ms by this server's clock
--       2 subject             3 the most that it may do; '' removes the rule; '?' changes none, and marks that
--         what the embedding app granted to the subject before does not count
--       4 when the rule ends, ms by this server's clock; 0 = never
--       5 'p' if it holds for moderators too, else '-'
--       6 the change as JSON  7 body: the frame without its first two members
--       8 a random number     9 most rules of that hash
-- Answer: {'stored', id} | {'late'} | {'too-many'}
--
-- The hash has by subject `<right> <until> <p or -> <id> <the change as JSON>`. The script that stores
-- messages reads the first three (append.lua).

local stream, rules = KEYS[1], KEYS[2]
local subject, right, ends, binds, change, body, random = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local HOUR = 3600000
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
if now > tonumber(ARGV[1]) then
  return { 'late' }
end

call('HDEL', rules, '')

-- The rules that have ended by now, and when the last of the others ends; 0 = never.
local function review()
  local ended, last = {}, 1
  local all = call('HGETALL', rules)
  for i = 1, #all, 2 do
    local till = tonumber(string.match(all[i + 1], '^%a+ (%d+)') or 0)
    if till > 0 and till <= now then
      -- unpack is limited.
      ended[#ended < 5000 and #ended + 1 or 1] = all[i]
    elseif till == 0 or last == 0 then
      last = 0
    else
      last = math.max(last, till)
    end
  end
  return ended, last
end

if right ~= '' and right ~= '?' and call('HLEN', rules) >= tonumber(ARGV[9]) and not call('HGET', rules, subject) then
  local ended = review()
  if #ended == 0 then
    return { 'too-many' }
  end
  call('HDEL', rules, unpack(ended))
end

local prev, lastMs, lastNumber, bytes = tailOf(stream)
local id = idAfter(lastMs, lastNumber, now, random)
local head = '{"id":"' .. id .. '","prev":"' .. prev .. '",'
bytes = bytes + #head + #body

if right == '?' then
  call('HSET', KEYS[3], '?' .. subject, string.format('%.0f', now))
  call('PEXPIRE', KEYS[3], 2 * GRANT_MS)
elseif right == '' then
  call('HDEL', rules, subject)
else
  call('HSET', rules, subject, right .. ' ' .. ends .. ' ' .. binds .. ' ' .. id .. ' ' .. change)
end
call('XADD', stream, 'MAXLEN', '~', HISTORY_MESSAGES, id, 'p', prev, 'n', bytes, 'b', body, 'a', change)
call('PEXPIRE', stream, string.format('%.0f', HISTORY_MS + HOUR))

-- The hash goes an hour after its last rule has ended; many rules are not read for that.
local last = 0
if call('HLEN', rules) <= 100 then
  last = select(2, review())
end
if last > 0 then
  call('PEXPIRE', rules, string.format('%.0f', last - now + HOUR))
else
  call('PERSIST', rules)
end

-- Members in front of the tag are signed too; only an access entry has any (publications.ts).
local signed = head .. '"access":' .. change .. ','
local tag = tagOf(SECRET .. signed .. body)
call('PUBLISH', channelOf(stream), signed .. '"tag":"' .. tag .. '",' .. body)
return { 'stored', id }
