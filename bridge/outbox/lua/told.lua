-- Told, by which way: out of the queue, words blanked, an end to the record's life. `again` > 0 keeps it due for one more
-- look later. What was told in the form itself is told there once more while Slack may still be about to show the interim
-- answer of a web process over it: it takes none after three seconds.
local id, token, way, blank, keep, again, early = unpack(ARGV, 3)
if redis.call('EXISTS', record(id)) == 0 then return 'ok' end
if token ~= '' and not ours(id, token) then return 'lost' end
local covered = tonumber(redis.call('HGET', record(id), 'interim') or 0) + 3200
if way == 'form' and now < covered then
  redis.call('HSET', record(id), 'stuck', 0)
  redis.call('HDEL', record(id), 'interim')
  give_back(id, covered)
  return 'again'
end
redis.call('HSET', record(id), 'told', way, 'stuck', 0)
redis.call('HDEL', record(id), 'claim', 'watched', 'interim')
if early == '1' then -- the queue of files looks whether more is to be said
  redis.call('HSET', record(id), 'told_early', 1)
  if redis.call('ZADD', prefix .. 'attach', 'NX', now, id) == 1 then call_worker('attach-wake', id) end
end
if blank ~= '' then
  redis.call('HSET', record(id), 'draft', blank)
  redis.call('HDEL', record(id), 'body')
end
if redis.call('HGET', record(id), 'state') == 'posted' and way ~= 'untold' then
  redis.call('ZREM', prefix .. 'failed', id)
else
  redis.call('ZADD', prefix .. 'failed', now, id)
  redis.call('ZREMRANGEBYSCORE', prefix .. 'failed', '-inf', now - keep)
end
if tonumber(again) > 0 then redis.call('ZADD', due, now + again, id) else
  redis.call('ZREM', due, id)
  redis.call('PEXPIRE', record(id), keep)
end
return 'ok'
