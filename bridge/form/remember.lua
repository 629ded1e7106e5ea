-- Remembers what became of a form; one that has an end already (a sent form's guard lives longer) keeps it. Redis 6.2
-- does not know EXPIRE's NX. ARGV[1] is the life in seconds, then fields and values.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 1
