-- Makes this process the one that trims histories, or extends that, unless another process is.
--
-- PEXPIRE comes first because it needs no memory: a full server, whose histories must be trimmed, then
-- accepts SET.
--
-- KEYS  1 the instance that trims histories
-- ARGV  1 instance   2 ms
-- Answer: 1 = this process trims, 0 = another one does

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
