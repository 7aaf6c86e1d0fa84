-- Notes times of rooms, for whoever makes room when the server is nearly full.
--
-- PEXPIRE comes first because it needs no memory: a full server then lets ZADD through, and can be told
-- what to shorten.
--
-- KEYS  1 an index: rooms by a time
-- ARGV  1 ms after which the index goes if nothing is noted   2 'GT' the latest time of a room counts, 'NX' the first that was noted
--       3.. ms, room, ms, room, …

redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
