-- The outcome stands, but no way of telling worked yet.
local id, token, delay = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
redis.call('HINCRBY', record(id), 'telling', 1)
redis.call('HSET', record(id), 'stuck', 0)
give_back(id, now + delay)
return 'ok'
