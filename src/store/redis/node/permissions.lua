-- Finds the commands that the program needs and this user may not run. Changes nothing.
--
-- It does not test whether a command works: a full server or a replica refuses some of these, which is
-- handled when they are used.
--
-- KEYS  1 a key that does not exist   ARGV  1 a channel without subscribers
-- Answer: the names of the forbidden commands

local key, forbidden = KEYS[1], {}

local function try(command, ...)
  local reply = redis.pcall(command, ...)
  local refusal = type(reply) == 'table' and reply.err
  -- The error of Redis 7, the error of Redis 6, and that of a renamed command.
  if refusal and (string.find(refusal, 'no permission') or string.find(refusal, "can't run this command")
    or string.find(refusal, 'Unknown Redis command')) then
    forbidden[#forbidden + 1] = string.lower(command)
  end
end

try('TIME')
try('PERSIST', key)
try('PEXPIRE', key, 1)
try('GET', key)
try('MGET', key)
try('SET', key, '', 'PX', 1, 'XX')
try('DEL', key)
try('EXISTS', key)
try('XADD', key, 'NOMKSTREAM', '*', 'a', 'b')
try('XTRIM', key, 'MAXLEN', 0)
try('XRANGE', key, '-', '+', 'COUNT', 1)
try('XREVRANGE', key, '+', '-', 'COUNT', 1)
try('HSET', key, 'a', 'b')
try('HDEL', key, 'a')
try('HGET', key, 'a')
try('HMGET', key, 'a')
try('HGETALL', key)
try('HLEN', key)
try('RENAME', key, key)
try('ZADD', key, 'XX', 1, 'a')
try('ZRANGE', key, 0, 0)
try('ZREMRANGEBYSCORE', key, 1, 0)
try('PUBLISH', ARGV[1], '')
return forbidden
