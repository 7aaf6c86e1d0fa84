-- Notes when rooms were last active, for whoever makes room when the server is nearly full.
--
-- PEXPIRE comes first because it needs no memory: a full server then lets ZADD through, and can be told
-- what to shorten.
--
-- KEYS  1 the index: rooms by the time of their last message
-- ARGV  1 ms after which the index goes if nothing is noted   2.. ms, room, ms, room, …

redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], 'GT', unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
