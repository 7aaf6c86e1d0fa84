-- Extends the lease of a process.
--
-- PEXPIRE comes first because it needs no memory: a full server then accepts SET, and the users of the
-- process do not vanish from the rooms.
--
-- KEYS  1 the process's lease
-- ARGV  1 ms for which it is valid

redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
