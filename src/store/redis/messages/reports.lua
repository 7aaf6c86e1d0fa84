-- Functions of the scripts that change reports of messages.
--
-- Three keys hold the reports: a hash, a sorted set of all ids, and one of the ids of guests' reports, each id
-- with itself as its score. The hash has
--   by id      '<ms since 1970> <user> <digest of a guest's network, or -> <room> <id of the message> <the
--              report as JSON>'
--   'last'     the id that was given last, so that none is given twice
--   'u<user>'  the number of the user's reports
--   'n<digest>' the number of the reports of the network's guests
--   'm<user> <room> <id of the message>' the id of the user's report of that message

local call = redis.call

local function countLess(reports, field)
  if call('HINCRBY', reports, field, -1) <= 0 then
    call('HDEL', reports, field)
  end
end

-- Removes a report; returns whether there was one. HDEL comes first because it needs no memory: after it a full
-- server accepts the rest.
local function removeReport(reports, order, guests, id)
  local stored = call('HGET', reports, id)
  call('HDEL', reports, id)
  call('ZREM', order, id)
  call('ZREM', guests, id)
  if not stored then
    return false
  end
  local user, network, room, message = string.match(stored, '^%d+ (%S+) (%S+) (%S+) (%S+) ')
  if user then
    call('HDEL', reports, 'm' .. user .. ' ' .. room .. ' ' .. message)
    countLess(reports, 'u' .. user)
    if network ~= '-' then
      countLess(reports, 'n' .. network)
    end
  end
  return true
end
