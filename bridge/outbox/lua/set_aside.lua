-- A record that this version cannot read is set aside for an operator, for as long as one that failed; it must not stop
-- the others.
local id, keep = unpack(ARGV, 3)
redis.call('ZREM', due, id)
redis.call('ZADD', prefix .. 'failed', now, id)
redis.call('PEXPIRE', record(id), keep)
return 1
