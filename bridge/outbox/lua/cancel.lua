-- Only what is surely not sent can be cancelled; the worker that tells is called at once.
local id, outcome, draft = unpack(ARGV, 3)
local state = redis.call('HGET', record(id), 'state')
if not state then return 'unknown' end
if state ~= 'kept' then return state end
redis.call('HSET', record(id), 'state', 'cancelled', 'outcome', outcome, 'ended', now, 'watched', 0)
if draft ~= '' then redis.call('HSET', record(id), 'draft', draft) end
give_back(id, now)
return 'cancelled'
