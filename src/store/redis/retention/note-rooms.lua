-- Stores times of rooms, for the process that frees space when the server is nearly full.
--
-- PEXPIRE comes first because it needs no memory: a full server then accepts ZADD, so that it is known what
-- to shorten.
--
-- KEYS  1 an index: rooms by a time
-- ARGV  1 ms after which the index expires if nothing is added
--       2 'GT' keeps the latest time of a room, 'NX' the first one
--       3.. ms, room, ms, room, …

redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
