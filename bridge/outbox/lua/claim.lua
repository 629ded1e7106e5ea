-- Lease the entry that has been due longest. Answers its record with what shuts the board, or the milliseconds until one is due.
local token, lease = unpack(ARGV, 3)
while true do
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if not first[1] then return -1 end
  local id, at = first[1], tonumber(first[2])
  if at > now then return at - now end
  if redis.call('EXISTS', record(id)) == 1 then
    redis.call('ZADD', due, now + lease, id)
    redis.call('SREM', awaiting, id)
    redis.call('HSET', record(id), own .. 'claim', token, own .. 'claimed', now)
    -- Whoever had it died, and may have made the call at any time until then.
    local stuck = redis.call('HINCRBY', record(id), own .. 'stuck', 1)
    if stuck > 1 and redis.call('HGET', record(id), 'state') == 'sending' then
      redis.call('HSET', record(id), 'sent', now)
    end
    local found, away, rejected = redis.call('HGETALL', record(id)), unpack(redis.call('MGET', unpack(shut_keys)))
    found[#found + 1], found[#found + 2] = 'shut', rejected or (away and 'unavailable') or ''
    return found
  end
  redis.call('ZREM', due, id)
end
