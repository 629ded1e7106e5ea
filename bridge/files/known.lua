-- The person knows how all of the files ended.
local id, token = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
redis.call('HDEL', record(id), 'told_early', 'attach_claim')
redis.call('ZREM', due, id)
return 'ok'
