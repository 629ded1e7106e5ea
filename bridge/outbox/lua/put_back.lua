-- Later again. `void` = '1' says that the mark of this attempt was made but surely nothing was sent: the draft is out of
-- doubt, unless an earlier send of it is still in doubt.
local id, token, delay, void, looks, why, called = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
local state = redis.call('HGET', record(id), 'state')
if void == '1' and state == 'sending' and redis.call('HINCRBY', record(id), 'sends', -1) <= 0 then
  land(id)
  redis.call('HSET', record(id), 'state', 'kept', 'sends', 0)
  redis.call('HDEL', record(id), 'sent', 'first_sent', 'air')
end
if called == '1' then redis.call('HSET', record(id), 'sent', now) end
redis.call('HSET', record(id), 'last_error', why, 'looks', looks, 'stuck', 0)
redis.call('HINCRBY', record(id), 'failures', 1)
give_back(id, now + delay)
return 'ok'
