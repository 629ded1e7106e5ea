-- Hold the lease for longer. Answers whether it is still ours.
local id, token, lease = unpack(ARGV, 3)
if not ours(id, token) then return 0 end
redis.call('ZADD', due, 'XX', now + lease, id)
return 1
