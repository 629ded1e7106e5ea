-- An operator's second try. What is in doubt is looked for first: it stays 'sending'. Where its person has tried it again
-- themselves, and that stands or is under way, nothing is done.
local id = unpack(ARGV, 3)
local state = redis.call('HGET', record(id), 'state')
if not state then return 'unknown' end
if state == 'posted' then return state end
local outcome = redis.call('HGET', record(id), 'outcome')
if outcome and cjson.decode(outcome).reason == 'changed_mind' then return 'cancelled' end
local first = first_form(redis.call('HGET', record(id), 'form'))
if first and standing_try(first, id) then return 'tried again' end
if first and redis.call('EXISTS', first) == 1 then redis.call('HSET', first, 'again', id) end
local back = (state == 'unsure' or state == 'sending') and 'sending' or 'kept'
redis.call('HSET', record(id), 'state', back, 'stuck', 0, 'failures', 0, 'looks', 0, 'retried', now,
  'sends', back == 'sending' and 1 or 0)
redis.call('HDEL', record(id), 'outcome', 'told', 'telling', 'noted', 'resolved_anew')
redis.call('PERSIST', record(id))
redis.call('ZREM', prefix .. 'failed', id)
give_back(id, now)
return back
