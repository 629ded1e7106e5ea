-- The outcome, noted before anybody is told. Answers 'watched' while a web process still waits for it, 'held' when
-- another draft has that thread, 'ended' when it had an outcome already.
local id, token, state, outcome, thread, source, posted, keep, late, files, attaching = unpack(ARGV, 3)
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
