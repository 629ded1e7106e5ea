"""The outbox's steps as Redis scripts: each is atomic, and each may run twice without harm.

Every script gets the prefix as ARGV[1] and the key of the due set as KEYS[1]; other keys are
made from the prefix, whose hash tag keeps them in one slot. Times are milliseconds of the server.
"""

from bridge.outbox import leases

_HEAD = (
    leases.head()
    + """
local function land(id)
  local air = redis.call('HGET', record(id), 'air')
  if air and redis.call('GET', air) == id then redis.call('DEL', air) end
end
local function call_worker(wake, id)
  redis.call('LPUSH', prefix .. wake, id)
  redis.call('LTRIM', prefix .. wake, 0, 99)
end
-- Idle workers sleep until what was due next when they looked: the one that is called looks again.
local function give_back(id, at)
  redis.call('HDEL', record(id), 'claim')
  redis.call('ZADD', due, at, id)
  call_worker('wake', id)
end
"""
)

# Keep the draft, guard against a second one, queue it. Answers {disposition, id}.
PUT = (
    _HEAD
    + """
local ref, digest, draft, form, mine = ARGV[2], ARGV[3], ARGV[4], KEYS[2], KEYS[3]
local watch, limit, keep, nonce = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local before = redis.call('HMGET', form, 'id', 'attempt', 'digest', 'nonce')
local attempt, disposition = tonumber(before[2] or 0), 'kept'
if before[1] then
  local state = redis.call('HGET', record(before[1]), 'state')
  local replayed = nonce ~= '' and nonce == before[4] and digest == before[3]
  if not replayed and (state == 'refused' or state == 'unposted' or state == 'cancelled') then
    disposition = 'kept again'
  elseif digest == before[3] then return {'already kept', before[1]}
  else return {'changed', before[1]} end
end
if redis.call('ZCOUNT', mine, now - 3600000, '+inf') >= limit then return {'too many', ''} end
attempt = attempt + 1
local id = ref .. '-' .. attempt
redis.call('HSET', record(id), 'id', id, 'state', 'kept', 'draft', draft, 'kept', now, 'form', form,
  'mine', mine, 'stuck', 0, 'failures', 0, 'sends', 0, 'looks', 0, 'watched', now + watch)
redis.call('ZADD', due, now, id)
redis.call('HSET', form, 'id', id, 'attempt', attempt, 'digest', digest, 'nonce', nonce)
redis.call('PEXPIRE', form, keep)
redis.call('ZADD', mine, now, id)
redis.call('ZREMRANGEBYSCORE', mine, '-inf', now - keep)
redis.call('PEXPIRE', mine, keep)
call_worker('wake', id)
return {disposition, id}
"""
)

# Whoever had it died, and may have made the call at any time until then.
CLAIM = leases.claim(
    taken="""
    local was = redis.call('HMGET', record(id), 'state', 'stuck')
    if was[1] == 'sending' and tonumber(was[2] or 0) > 0 then redis.call('HSET', record(id), 'sent', now) end"""
)
RENEW = leases.renew()

# The durable mark before the call, with a whole lease to make it in. One of two identical drafts waits,
# so that a thread seen later can belong to one of them only.
SENDING = (
    _HEAD
    + """
local id, token, body, air, facts = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7]
local hold, lease = tonumber(ARGV[6]), tonumber(ARGV[8])
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
"""
)

# Later again. `void` = '1' says that the mark of this attempt was made but surely nothing was sent:
# the draft is out of doubt, unless an earlier send of it is still in doubt.
PUT_BACK = (
    _HEAD
    + """
local id, token, delay, void, looks = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
if not ours(id, token) then return 'lost' end
local state = redis.call('HGET', record(id), 'state')
if void == '1' and state == 'sending' and redis.call('HINCRBY', record(id), 'sends', -1) <= 0 then
  land(id)
  redis.call('HSET', record(id), 'state', 'kept', 'sends', 0)
  redis.call('HDEL', record(id), 'sent', 'first_sent', 'air')
end
if ARGV[8] == '1' then redis.call('HSET', record(id), 'sent', now) end
redis.call('HSET', record(id), 'last_error', ARGV[7], 'looks', looks, 'stuck', 0)
redis.call('HINCRBY', record(id), 'failures', 1)
give_back(id, now + delay)
return 'ok'
"""
)

# The outcome stands, but no way of telling worked yet.
TELL_LATER = (
    _HEAD
    + """
local id, token, delay = ARGV[2], ARGV[3], tonumber(ARGV[4])
if not ours(id, token) then return 'lost' end
redis.call('HINCRBY', record(id), 'telling', 1)
redis.call('HSET', record(id), 'stuck', 0)
give_back(id, now + delay)
return 'ok'
"""
)

# The outcome, noted before anybody is told. Answers 'watched' while a web process still waits for
# it, 'held' when another draft has that thread, 'ended' when it had an outcome already.
SETTLE = (
    _HEAD
    + """
local id, token, state, outcome = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local thread, source, posted, keep, late = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), ARGV[10]
local files, attaching = ARGV[11], ARGV[12]
if not ours(id, token) then return 'lost' end
local was = redis.call('HGET', record(id), 'state')
if not (was == 'kept' or was == 'sending' or (late == '1' and was == 'unsure')) then return 'ended' end
if thread ~= '' then
  local held = prefix .. 'held:' .. thread
  local holder = redis.call('GET', held)
  if holder and holder ~= id then return 'held' end
  redis.call('SET', held, id, 'PX', keep)
  if source ~= '' then
    redis.call('HSET', source, id, posted)
    redis.call('PEXPIRE', source, keep)
  end
end
land(id)
redis.call('HSET', record(id), 'state', state, 'outcome', outcome, 'ended', now, 'stuck', 0)
-- The thread exists: its files are a queue of their own from here on, and nothing of it can make a second thread.
if state == 'posted' and files ~= '[]' and redis.call('HSETNX', record(id), 'files', files) == 1 then
  redis.call('HSET', record(id), 'attaching', attaching)
  redis.call('ZADD', prefix .. 'attach', now, id)
  call_worker('attach-wake', id)
end
redis.call('HDEL', record(id), 'told', 'telling')
local watched = tonumber(redis.call('HGET', record(id), 'watched') or 0)
if watched > now then
  give_back(id, watched)
  return 'watched'
end
return 'ok'
"""
)

# Told, by which way: out of the queue, words blanked, an end to the record's life.
# `again` > 0 keeps it due for one more look later. What was told in the form itself is told there once more while
# Slack may still be about to show the interim answer of a web process over it: it takes none after three seconds.
TOLD = (
    _HEAD
    + """
local id, token, way, blank, keep, again = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local early = ARGV[8]
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
  redis.call('ZADD', prefix .. 'attach', 'NX', now, id)
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
if again > 0 then redis.call('ZADD', due, now + again, id) else
  redis.call('ZREM', due, id)
  redis.call('PEXPIRE', record(id), keep)
end
return 'ok'
"""
)

# The waiting web process takes the outcome for its own answer, or leaves the telling to the worker.
TAKE = (
    _HEAD
    + """
local id, last, gone = ARGV[2], ARGV[3], ARGV[4]
local r = redis.call('HMGET', record(id), 'outcome', 'told', 'watched', 'form', 'claim', 'telling', 'attaching')
if not r[4] then return false end
if gone == '1' or redis.call('HEXISTS', r[4], 'closed') == 1 then last, r[3] = '1', 0 end
if r[2] then return 'told' end
-- The files may be done within the wait, and then the first word is the last one.
if last ~= '1' and tonumber(r[7] or 0) > 0 then return false end
if r[1] and tonumber(r[3] or 0) > now then
  redis.call('HSET', record(id), 'watched', now + 5000)
  redis.call('ZADD', due, 'XX', now + 5000, id)
  return r[1]
end
if last == '1' then
  redis.call('HSET', record(id), 'watched', 0, 'interim', now)
  if r[1] and not r[5] and tonumber(r[6] or 0) == 0 then
    redis.call('ZADD', due, 'XX', now, id)
    call_worker('wake', id)
  end
end
return false
"""
)

# Only what is surely not sent can be cancelled; the worker that tells is called at once.
CANCEL = (
    _HEAD
    + """
local id, outcome, draft = ARGV[2], ARGV[3], ARGV[4]
local state = redis.call('HGET', record(id), 'state')
if not state then return 'unknown' end
if state ~= 'kept' then return state end
redis.call('HSET', record(id), 'state', 'cancelled', 'outcome', outcome, 'ended', now, 'watched', 0)
if draft ~= '' then redis.call('HSET', record(id), 'draft', draft) end
give_back(id, now)
return 'cancelled'
"""
)

# An operator's second try. What is in doubt is looked for first: it stays 'sending'.
RETRY = (
    _HEAD
    + """
local id = ARGV[2]
local state = redis.call('HGET', record(id), 'state')
if not state then return 'unknown' end
if state == 'posted' then return state end
local outcome = redis.call('HGET', record(id), 'outcome')
if outcome and cjson.decode(outcome).reason == 'changed_mind' then return 'cancelled' end
local back = state == 'unsure' and 'sending' or (state == 'sending' and 'sending' or 'kept')
redis.call('HSET', record(id), 'state', back, 'stuck', 0, 'failures', 0, 'looks', 0, 'retried', now,
  'sends', back == 'sending' and 1 or 0)
redis.call('HDEL', record(id), 'outcome', 'told', 'telling', 'noted', 'resolved_anew')
redis.call('PERSIST', record(id))
redis.call('ZREM', prefix .. 'failed', id)
give_back(id, now)
return back
"""
)

# Something to remember about an attempt; a record that was erased meanwhile is not made again.
NOTE = (
    _HEAD
    + """
if redis.call('EXISTS', record(ARGV[2])) == 0 then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', record(ARGV[2]), ARGV[i], ARGV[i + 1]) end
return 1
"""
)

# A record that this version cannot read is set aside for an operator, for as long as one that failed; it must not
# stop the others.
PARK = (
    _HEAD
    + """
redis.call('ZREM', due, ARGV[2])
redis.call('ZADD', prefix .. 'failed', now, ARGV[2])
redis.call('PEXPIRE', record(ARGV[2]), tonumber(ARGV[3]))
return 1
"""
)
