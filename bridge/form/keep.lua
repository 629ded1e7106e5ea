-- One original of one person's, once however often it is kept; the oldest give way when there are too many.
-- KEYS: the original, the list of this person's by when each was last kept. ARGV: its text, its name, the prefix of all
-- names, seconds of life, how many a person has at most.
local text, name, prefix, life, most = unpack(ARGV)
if not redis.call('SET', KEYS[1], text, 'NX', 'EX', life) then redis.call('EXPIRE', KEYS[1], life) end
local clock = redis.call('TIME')
-- In microseconds: several are kept within one millisecond.
redis.call('ZADD', KEYS[2], clock[1] * 1000000 + clock[2], name)
redis.call('EXPIRE', KEYS[2], life)
for _, oldest in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - most)) do
  redis.call('DEL', prefix .. oldest)
  redis.call('ZREM', KEYS[2], oldest)
end
return 1
