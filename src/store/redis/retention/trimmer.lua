-- Makes a process the one that trims histories, or keeps it so, unless another one is.
--
-- PEXPIRE comes first because it needs no memory: a full server then lets SET through, and it is then
-- that histories must be trimmed.
--
-- KEYS  1 the instance that trims histories
-- ARGV  1 instance   2 ms
-- Answer: 1 = it does, 0 = another one does

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
