-- Lets the lock go that is ours, and nobody else's. KEYS lock. ARGV ours.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
