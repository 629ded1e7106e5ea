"""One pace and one pause for everybody who calls on behalf of an account, kept in Redis.

A turn is a slot on the server's clock, reserved by one atomic script, so that any number of
processes together keep the limits. What counts is when a slot was reserved for, not when the
caller got round to using it. A reserved slot that is not used counts all the same.
"""

import asyncio
import math
import secrets

from redis.asyncio import Redis

from bridge import metrics
from bridge.nexudus.wire import Later

# KEYS next, writes, pause. ARGV write?, per minute, per day, minute, day, interval, patience, name.
# Times are in microseconds, which doubles hold exactly; never join them to strings, Lua prints 14 digits.
_RESERVE = """
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
"""

_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
"""

_LONGEST_PAUSE = 86_400.0


class Pace:
    """`interval` seconds between any two calls, and so many writes in any minute and in any day.

    `prefix` ends with a hash tag's colon, as in `bridge:{main}:`, so that the keys share a slot.
    `patience` is in seconds: who would have to wait longer is told so (Later) instead. `minute` and
    `day` are the windows' lengths in seconds; only tests have a reason to shorten them. The limits
    that we know of: https://developers.nexudus.com/reference/api-limitations. Every key expires.
    Raises what Redis raises.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        writes_per_minute: int,
        writes_per_day: int,
        interval: float,
        patience: float = 5,
        *,
        minute: float = 60,
        day: float = 86_400,
    ) -> None:
        if writes_per_minute < 1 or writes_per_day < 1:
            raise ValueError("a pace of less than one write is no pace")
        self._redis, self._patience = redis, patience
        self._pause_key = f"{prefix}pace:pause"
        self._keys = [f"{prefix}pace:next", f"{prefix}pace:writes", self._pause_key]
        self._limits = [writes_per_minute, writes_per_day, _micro(minute), _micro(day), _micro(interval)]
        self._reserve_script = redis.register_script(_RESERVE)
        self._pause_script = redis.register_script(_PAUSE)

    async def turn(self, write: bool) -> None:
        """Return when it is our turn. Raises Later at once, or after a pause has come in between."""
        name, clock = secrets.token_hex(8), asyncio.get_running_loop().time
        deadline = clock() + self._patience
        wait = await self._reserve(write, name, self._patience)
        while wait > 0:
            metrics.TURNS.inc(wait)
            await asyncio.sleep(wait)
            # A pause set while we slept holds for us too; taking a new slot keeps everybody apart
            # when it ends, and gives the old one back.
            if await self.waiting() == 0:
                return
            wait = await self._reserve(write, name, deadline - clock())

    async def pause(self, seconds: float) -> None:
        """Hold everybody for `seconds` from now (at most a day); never shortens a pause."""
        milliseconds = math.ceil(min(seconds, _LONGEST_PAUSE) * 1000)
        if milliseconds > 0:
            metrics.PAUSES.inc()
            await self._pause_script(keys=[self._pause_key], args=[milliseconds])

    async def waiting(self) -> float:
        """Seconds that remain of a pause, 0 without one."""
        return max(float(await self._redis.pttl(self._pause_key)), 0.0) / 1000

    async def _reserve(self, write: bool, name: str, patience: float) -> float:
        args: list[str | int] = [int(write), *self._limits, _micro(max(patience, 0)), name]
        ours, wait = await self._reserve_script(keys=self._keys, args=args)
        if not ours:
            raise Later(int(wait) / 1e6)
        return int(wait) / 1e6


def _micro(seconds: float) -> int:
    return math.ceil(seconds * 1e6)
