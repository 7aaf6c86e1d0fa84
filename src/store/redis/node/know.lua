-- Says which features a process knows, and returns those that the stored data needs.
--
-- PEXPIRE comes first because it needs no memory: a full server then lets HSET through.
--
-- KEYS  1 the features that the data needs: '<feature>' -> ms since 1970 when it began to
--       2 what each process knows: '<instance>' -> '<ms since 1970> <feature> <feature> …'
-- ARGV  1 instance   2 ms for which it holds   3.. features
-- Answer: the features that the data needs

redis.call('PEXPIRE', KEYS[2], ARGV[2])
local time = redis.call('TIME')
local words = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
for i = 3, #ARGV do
  words[#words + 1] = ARGV[i]
end
redis.call('HSET', KEYS[2], ARGV[1], table.concat(words, ' '))
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('HKEYS', KEYS[1])
