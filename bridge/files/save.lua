-- How the files stand. `delay` >= 0 gives the lease back; with nothing left to do or to tell the post leaves the queue.
local id, token, files, attaching, staying, delay, waits = unpack(ARGV, 3)
if not ours(id, token) then return 'lost' end
redis.call('HSET', record(id), 'files', files, 'attaching', attaching)
if tonumber(delay) < 0 then return 'ok' end
redis.call('HDEL', record(id), 'attach_claim')
redis.call('HSET', record(id), 'attach_stuck', 0)
local early = redis.call('HGET', record(id), 'told_early') == '1'
if tonumber(attaching) > 0 or (early and tonumber(staying) > 0) then
  redis.call('ZADD', due, await_board(id, now + delay, waits), id)
  call_worker('attach-wake', id)
  return 'ok'
end
redis.call('HDEL', record(id), 'told_early')
redis.call('ZREM', due, id)
return 'ok'
