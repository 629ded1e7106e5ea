"""The lease on an entry of a queue: the posts and their files have one each, in fields of their own of one record.

A queue is a sorted set whose score is the time when an entry is due, in milliseconds of the server, so that a lease
that runs out hands the entry to the next one by itself. `own` begins the names of a lease's fields.
"""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout


class Lost(Exception):
    """The lease ran out and another worker has the entry: this attempt must change nothing more."""


def head(own: str = "") -> str:
    """What every script begins with: the prefix is ARGV[1], the queue KEYS[1]."""
    return f"""
local prefix, due = ARGV[1], KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function record(id) return prefix .. 'draft:' .. id end
local function ours(id, token) return redis.call('HGET', record(id), '{own}claim') == token end
"""


def claim(own: str = "", taken: str = "") -> str:
    """Lease the entry that has been due longest. Answers its record, or the milliseconds until one is due.

    `taken` is Lua for what else happens to the entry `id` then.
    """
    return f"""{head(own)}
local token, lease = ARGV[2], tonumber(ARGV[3])
while true do
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if not first[1] then return -1 end
  local id, at = first[1], tonumber(first[2])
  if at > now then return at - now end
  if redis.call('EXISTS', record(id)) == 1 then
    redis.call('ZADD', due, now + lease, id)
    redis.call('HSET', record(id), '{own}claim', token, '{own}claimed', now){taken}
    redis.call('HINCRBY', record(id), '{own}stuck', 1)
    return redis.call('HGETALL', record(id))
  end
  redis.call('ZREM', due, id)
end
"""


def renew(own: str = "") -> str:
    """Hold the lease for longer. Answers whether it is still ours."""
    return f"""{head(own)}
if not ours(ARGV[2], ARGV[3]) then return 0 end
redis.call('ZADD', due, 'XX', now + tonumber(ARGV[4]), ARGV[2])
return 1
"""


def claimed(found: Any) -> dict[str, str] | float:
    """What a claim answered: the record's fields, or how many seconds nothing will be due (-1: nothing waits)."""
    if isinstance(found, int):
        return found / 1000 if found >= 0 else -1.0
    return dict(zip(found[::2], found[1::2], strict=True))


async def woken(blocking: Redis, key: str, seconds: float) -> None:
    """Sleep until something is pushed to `key`, or for so long (at most)."""
    try:
        await blocking.blpop([key], timeout=max(0.01, seconds))
    except RedisTimeout:
        return


def still_ours(id_: str, said: str) -> str:
    """What a step answered. Raises Lost."""
    if said == "lost":
        raise Lost(id_)
    return said
