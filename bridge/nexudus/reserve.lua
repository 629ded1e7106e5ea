-- The next free slot for a call, reserved: {1, microseconds until it}; or {0, the same} beyond the caller's patience.
-- KEYS slots, writes, writes of the endpoint, its pause.
-- ARGV write?, name, patience, interval, minute, day, and the most writes: per minute, per day, per minute of the endpoint.
-- Times are in microseconds, which doubles hold exactly; never join them to strings, Lua prints 14 digits.
local slots, writes, endpoint, pause = unpack(KEYS)
local write, name = ARGV[1] == '1', ARGV[2]
local patience, interval, minute, day, per_minute, per_day, per_endpoint = unpack(ARGV, 3)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- Nobody reserves further ahead than their patience: what is further off was damaged, or the clock was set back.
local far = now + 86400000000
for key, past in pairs({[slots] = interval, [writes] = day, [endpoint] = minute}) do
  redis.call('ZREM', key, name)
  redis.call('ZREMRANGEBYSCORE', key, far, '+inf')
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - past)
end
local slot = math.max(now, now + redis.call('PTTL', pause) * 1000)
local function keep(key, limit, window)
  local nth = redis.call('ZREVRANGE', key, limit - 1, limit - 1, 'WITHSCORES')[2]
  if nth then slot = math.max(slot, tonumber(nth) + window) end
end
if write then
  keep(writes, per_minute, minute)
  keep(writes, per_day, day)
  keep(endpoint, per_endpoint, minute)
end
-- The first gap between the slots of others: who waits long for one endpoint holds up nobody at another.
interval = tonumber(interval)
local taken = interval > 0 and redis.call('ZRANGEBYSCORE', slots, slot - interval, '+inf', 'WITHSCORES') or {}
for i = 2, #taken, 2 do
  if tonumber(taken[i]) - slot >= interval then break end
  slot = math.max(slot, tonumber(taken[i]) + interval)
end
local wait = slot - now
if wait > tonumber(patience) then return {0, wait} end
local function note(key, life)
  redis.call('ZADD', key, slot, name)
  redis.call('PEXPIRE', key, math.ceil((wait + life) / 1000) + 1000)
end
if interval > 0 then note(slots, interval) end
if write then
  note(writes, day)
  note(endpoint, minute)
end
return {1, wait}
