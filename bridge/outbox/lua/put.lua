-- Keep the draft, guard against a second one, queue it. Answers {disposition, id}. `again`: the draft that was not posted
-- and from which this one's form was filled in; what became of its other tries meanwhile, its person is told first.
local ref, digest, draft, watch, limit, keep, nonce, again = unpack(ARGV, 3)
local form, mine = KEYS[2], KEYS[3]
local before = redis.call('HMGET', form, 'id', 'attempt', 'digest', 'nonce')
local attempt, disposition = tonumber(before[2] or 0), 'kept'
if before[1] then
  local state = redis.call('HGET', record(before[1]), 'state')
  local replayed = nonce ~= '' and nonce == before[4] and digest == before[3]
  if not replayed and over[state] then
    disposition = 'kept again'
  elseif digest == before[3] then return {'already kept', before[1]}
  else return {'changed', before[1]} end
end
local first = again ~= '' and first_form(redis.call('HGET', record(again), 'form')) or first_form(form)
local standing = standing_try(first)
if standing then return {'tried again', standing} end
if redis.call('ZCOUNT', mine, now - 3600000, '+inf') >= tonumber(limit) then return {'too many', ''} end
attempt = attempt + 1
local id = ref .. '-' .. attempt
redis.call('HSET', record(id), 'id', id, 'state', 'kept', 'draft', draft, 'kept', now, 'form', form,
  'mine', mine, 'stuck', 0, 'failures', 0, 'sends', 0, 'looks', 0, 'watched', now + watch)
redis.call('ZADD', due, now, id)
redis.call('HSET', form, 'id', id, 'attempt', attempt, 'digest', digest, 'nonce', nonce)
redis.call('PEXPIRE', form, keep)
if first ~= form then
  redis.call('HSET', form, 'first', first)
  redis.call('HSET', first, 'again', id)
  redis.call('PEXPIRE', first, keep)
end
redis.call('ZADD', mine, now, id)
redis.call('ZREMRANGEBYSCORE', mine, '-inf', now - keep)
redis.call('PEXPIRE', mine, keep)
call_worker('wake', id)
return {disposition, id}
