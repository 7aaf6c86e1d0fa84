-- Stores a report of a message, and drops the oldest where there are too many.
--
-- The first write is one that needs memory: a full server refuses it, and with it the whole script.
--
-- KEYS  1 the reports   2 all ids   3 the ids of guests' reports (reports.lua)
-- ARGV  1 the user who reports   2 a digest of the user's network; '-' if the user is no guest
--       3 room   4 id of the message   5 the report as JSON
-- Answer: {'stored', id} | {'duplicate', id} | {'too-many', 'user' or 'network'} | {'storage-full'}: there are
--         too many, none of them a guest's, and this one is

local reports, order, guests = KEYS[1], KEYS[2], KEYS[3]
local user, network, room, message, report = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local mark = 'm' .. user .. ' ' .. room .. ' ' .. message

local known = call('HGET', reports, mark)
if known and tonumber(known) > now - REPORT_MS then
  return { 'duplicate', known }
end

local last = tonumber(call('HGET', reports, 'last') or 0)
local id = string.format('%.0f', math.max(now, last + 1))
call('HSET', reports, 'last', id)
for _, old in ipairs(call('ZRANGEBYSCORE', order, '-inf', string.format('%.0f', now - REPORT_MS))) do
  removeReport(reports, order, guests, old)
end

if tonumber(call('HGET', reports, 'u' .. user) or 0) >= MAX_OF_USER then
  return { 'too-many', 'user' }
end
if network ~= '-' and tonumber(call('HGET', reports, 'n' .. network) or 0) >= MAX_OF_NETWORK then
  return { 'too-many', 'network' }
end

if network ~= '-' and call('ZCARD', order) >= MAX_REPORTS and call('ZCARD', guests) == 0 then
  return { 'storage-full' }
end
for _ = MAX_REPORTS, call('ZCARD', order) do
  local oldest = call('ZRANGE', guests, 0, 0)[1] or call('ZRANGE', order, 0, 0)[1]
  removeReport(reports, order, guests, oldest)
end

local head = string.format('%.0f', now) .. ' ' .. user .. ' ' .. network .. ' ' .. room .. ' ' .. message
call('HSET', reports, id, head .. ' ' .. report, mark, id)
call('HINCRBY', reports, 'u' .. user, 1)
call('ZADD', order, id, id)
if network ~= '-' then
  call('HINCRBY', reports, 'n' .. network, 1)
  call('ZADD', guests, id, id)
end
for _, key in ipairs(KEYS) do
  call('PEXPIRE', key, REPORT_MS)
end
return { 'stored', id }
