-- What every step begins with: each file here, and those of the other rooms that work a queue of the outbox, follow it.
-- KEYS[1] is the queue, a sorted set by the time when an entry is due; ARGV[1] is the prefix of all keys, whose hash tag
-- keeps them in one slot; ARGV[2] begins the names of that queue's own fields in a record. A step's own arguments come
-- after these. Times are milliseconds of the server.
local due, prefix, own = KEYS[1], ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function record(id) return prefix .. 'draft:' .. id end

local function ours(id, token) return redis.call('HGET', record(id), own .. 'claim') == token end

local function land(id)
  local air = redis.call('HGET', record(id), 'air')
  if air and redis.call('GET', air) == id then redis.call('DEL', air) end
end

local function call_worker(wake, id)
  redis.call('LPUSH', prefix .. wake, id)
  redis.call('LTRIM', prefix .. wake, 0, 99)
end

-- The board is away, or rejects the login, while one of these is there. What waits for it stands in the set as well.
local shut_keys, awaiting = {prefix .. 'away', prefix .. 'rejected'}, due .. ':board'

-- When an entry that waits for the board is due, should nobody recall it before. '' waits for nothing; 'shut' did not even
-- try, and does so now if the board came back since it was claimed.
local function await_board(id, at, waits)
  if waits == '' then return at end
  if waits == 'shut' and redis.call('EXISTS', unpack(shut_keys)) == 0 then return now end
  redis.call('SADD', awaiting, id)
  return at
end

-- Idle workers sleep until what was due next when they looked: the one that is called looks again.
local function give_back(id, at)
  redis.call('HDEL', record(id), 'claim')
  redis.call('ZADD', due, at, id)
  call_worker('wake', id)
end

-- A form's key is where its drafts are noted. What is made again from a refused one, in another form, is noted at the first
-- form too, as `again`; the others know it as `first`. One try of a post may stand or be under way, and no second one.
local function first_form(form) return form and (redis.call('HGET', form, 'first') or form) end

local over = {refused = true, cancelled = true, unposted = true}

-- The try that is under way, or may stand on the board, if there is one; `but` is not meant.
local function standing_try(first, but)
  for _, id in ipairs(redis.call('HMGET', first, 'id', 'again')) do
    local state = id and id ~= but and redis.call('HGET', record(id), 'state')
    if state and not over[state] then return id end
  end
end
