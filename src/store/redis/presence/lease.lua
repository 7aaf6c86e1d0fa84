-- Says that a process is alive for a while longer.
--
-- PEXPIRE comes first because it needs no memory: a full server then lets SET through, and its people
-- do not vanish from the rooms.
--
-- KEYS  1 the process's lease
-- ARGV  1 ms it holds

redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
