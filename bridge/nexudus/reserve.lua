-- The next free slot for a call, reserved: {1, microseconds until it}; or {0, the same} beyond the caller's patience.
-- KEYS next, writes, pause. ARGV write?, per minute, per day, minute, day, interval, patience, name.
-- Times are in microseconds, which doubles hold exactly; never join them to strings, Lua prints 14 digits.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local write, minute, day = ARGV[1] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('ZREM', KEYS[2], ARGV[8])
-- Nobody reserves further ahead than their patience: what is further off was damaged, or the clock was set back.
local far = now + 86400000000
redis.call('ZREMRANGEBYSCORE', KEYS[2], far, '+inf')
local reserved, slot = tonumber(redis.call('GET', KEYS[1]) or '0') or 0, now
if reserved > now and reserved < far then slot = reserved end
slot = math.max(slot, now + redis.call('PTTL', KEYS[3]) * 1000)
local function keep(limit, window)
  local nth = redis.call('ZREVRANGE', KEYS[2], limit - 1, limit - 1, 'WITHSCORES')[2]
  if nth then slot = math.max(slot, tonumber(nth) + window) end
end
if write then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - day)
  keep(tonumber(ARGV[2]), minute)
  keep(tonumber(ARGV[3]), day)
end
local wait = slot - now
if wait > tonumber(ARGV[7]) then return {0, wait} end
local following = slot + ARGV[6]
redis.call('SET', KEYS[1], following, 'PX', math.ceil((following - now) / 1000) + 1000)
if write then
  redis.call('ZADD', KEYS[2], slot, ARGV[8])
  redis.call('PEXPIRE', KEYS[2], math.ceil((wait + day) / 1000))
end
return {1, wait}
