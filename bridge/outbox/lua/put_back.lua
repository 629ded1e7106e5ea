-- Later again. `void` = '1' says that the mark of this attempt was made but surely nothing was sent: the draft is out of
-- doubt, unless an earlier send of it is still in doubt. `failed` = '1' counts: the waits grow with it.
local id, token, delay, looks, why, was, void, called, answered, failed, waits = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
local state = redis.call('HGET', record(id), 'state')
if void == '1' and state == 'sending' then
  if redis.call('HINCRBY', record(id), 'sends', -1) <= 0 then
    land(id)
    redis.call('HSET', record(id), 'state', 'kept', 'sends', 0)
    redis.call('HDEL', record(id), 'sent', 'first_sent', 'air')
  elseif was ~= '' then
    -- Its looks count on from the send that is in doubt.
    redis.call('HSET', record(id), 'sent', was)
  end
end
if called == '1' then redis.call('HSET', record(id), 'sent', now) end
-- The stamp of the call that was answered: no other one, whoever makes it, is taken for answered.
if answered == '1' then redis.call('HSET', record(id), 'answered', now) end
redis.call('HSET', record(id), 'last_error', why, 'looks', looks, 'stuck', 0)
if failed == '1' then redis.call('HINCRBY', record(id), 'failures', 1) end
give_back(id, await_board(id, now + delay, waits))
return 'ok'
