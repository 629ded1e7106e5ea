-- The waiting web process takes the outcome for its own answer, or leaves the telling to the worker.
local id, last, gone = unpack(ARGV, 3)
local r = redis.call('HMGET', record(id), 'outcome', 'told', 'watched', 'form', 'claim', 'telling', 'attaching')
local outcome, told, watched, form, claim, telling, attaching = unpack(r)
if not form then return false end
if gone == '1' or redis.call('HEXISTS', form, 'closed') == 1 then last, watched = '1', 0 end
if told then return 'told' end
-- The files may be done within the wait, and then the first word is the last one.
if last ~= '1' and tonumber(attaching or 0) > 0 then return false end
if outcome and tonumber(watched or 0) > now then
  redis.call('HSET', record(id), 'watched', now + 5000)
  redis.call('ZADD', due, 'XX', now + 5000, id)
  return outcome
end
if last == '1' then
  redis.call('HSET', record(id), 'watched', 0, 'interim', now)
  if outcome and not claim and tonumber(telling or 0) == 0 then
    redis.call('ZADD', due, 'XX', now, id)
    call_worker('wake', id)
  end
end
return false
