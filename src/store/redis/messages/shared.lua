-- Returns a value that all processes share: the stored one, or the proposal if there was none.
--
-- PERSIST comes first because it needs no memory: a full server then accepts SET.
--
-- KEYS  1 the value
-- ARGV  1 proposal
-- Answer: the value

local stored = redis.call('GET', KEYS[1])
if stored then
  return stored
end
redis.call('PERSIST', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
