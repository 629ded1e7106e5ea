-- The smallest real thing: what keeping a post writes, of each kind, and takes away again. A doctor (`asked`) has it done
-- at once, and one wake-up left for the blocking read; else it is done once a minute, and between refused like any write.
local asked, form = ARGV[3] == '1', KEYS[2]
local draft, queue, called, done = prefix .. 'trial:draft', prefix .. 'trial:due', prefix .. 'trial:wake', prefix .. 'trial'
if asked or redis.call('EXISTS', done) == 0 then
  redis.call('HMGET', form, 'id')
  redis.call('HSET', draft, 'id', 'trial', 'kept', now)
  redis.call('PEXPIRE', draft, 60000)
  redis.call('ZADD', queue, now, 'trial')
  redis.call('PEXPIRE', queue, 60000)
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', now)
  redis.call('HSET', form, 'id', 'trial')
  redis.call('PEXPIRE', form, 60000)
  call_worker('trial:wake', 'trial')
  redis.call('PEXPIRE', called, 60000)
  redis.call('DEL', draft, queue, form)
end
if asked then return 1 end
redis.call('DEL', called)
redis.call('SET', done, 1, 'NX', 'EX', 60)
return 1
