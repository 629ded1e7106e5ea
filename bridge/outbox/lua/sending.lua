-- The durable mark before the call, with a whole lease to make it in. One of two identical drafts waits, so that a thread
-- seen later can belong to one of them only.
local id, token, body, air, hold, facts, lease = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
local state = redis.call('HGET', record(id), 'state')
if state ~= 'kept' and state ~= 'sending' then return 'lost' end
local flying = redis.call('GET', air)
if flying and flying ~= id and redis.call('HGET', record(flying), 'state') == 'sending' then return 'twin' end
redis.call('SET', air, id, 'PX', hold)
if state == 'kept' then redis.call('HSET', record(id), 'first_sent', now) end
redis.call('HSET', record(id), 'state', 'sending', 'sent', now, 'body', body, 'air', air, 'facts', facts, 'looks', 0)
redis.call('HINCRBY', record(id), 'sends', 1)
redis.call('ZADD', due, 'XX', now + lease, id)
return 'ok'
