"""One pace for everybody who calls on behalf of an account, and a pause for each endpoint, kept in Redis.

A turn is a slot on the server's clock, reserved by one atomic script, so that any number of
processes together keep the limits. What counts is when a slot was reserved for, not when the
caller got round to using it. A reserved slot that is not used counts all the same.
"""

import asyncio
import math
import secrets
from pathlib import Path

from redis.asyncio import Redis

from bridge import metrics
from bridge.nexudus.wire import Later

_RESERVE, _PAUSE = (Path(__file__).with_name(name).read_text() for name in ("reserve.lua", "pause.lua"))

_LONGEST_PAUSE = 86_400.0


class Pace:
    """`interval` seconds between any two calls, and so many writes in any minute and in any day.

    So many writes in any minute go to one endpoint (an address without ids and query), too: the board seems to
    count them so. Who waits for one endpoint, or for a pause of it, holds up nobody who calls another.
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
        writes_per_endpoint: int,
        interval: float,
        patience: float = 5,
        *,
        minute: float = 60,
        day: float = 86_400,
    ) -> None:
        if min(writes_per_minute, writes_per_day, writes_per_endpoint) < 1:
            raise ValueError("a pace of less than one write is no pace")
        self._redis, self._patience, self._prefix = redis, patience, f"{prefix}pace:"
        spans = [_micro(interval), _micro(minute), _micro(day)]
        self._limits = [*spans, writes_per_minute, writes_per_day, writes_per_endpoint]
        self._reserve_script = redis.register_script(_RESERVE)
        self._pause_script = redis.register_script(_PAUSE)

    async def turn(self, endpoint: str, *, write: bool) -> None:
        """Return when it is our turn. Raises Later at once, or after a pause has come in between."""
        name, clock = secrets.token_hex(8), asyncio.get_running_loop().time
        deadline = clock() + self._patience
        wait = await self._reserve(endpoint, write, name, self._patience)
        while wait > 0:
            metrics.TURNS.inc(wait)
            await asyncio.sleep(wait)
            # A pause set while we slept holds for us too; taking a new slot keeps everybody apart
            # when it ends, and gives the old one back.
            if await self.waiting(endpoint) == 0:
                return
            wait = await self._reserve(endpoint, write, name, deadline - clock())

    async def pause(self, endpoint: str, seconds: float) -> None:
        """Hold everybody who calls `endpoint` for `seconds` from now (at most a day); never shortens a pause."""
        milliseconds = math.ceil(min(seconds, _LONGEST_PAUSE) * 1000)
        if milliseconds > 0:
            metrics.PAUSES.inc()
            await self._pause_script(keys=[self._pause_of(endpoint)], args=[milliseconds])

    async def waiting(self, endpoint: str) -> float:
        """Seconds that remain of a pause, 0 without one."""
        return max(float(await self._redis.pttl(self._pause_of(endpoint))), 0.0) / 1000

    async def _reserve(self, endpoint: str, write: bool, name: str, patience: float) -> float:
        ours = [f"{self._prefix}slots", f"{self._prefix}writes", f"{self._prefix}writes:{endpoint}"]
        args: list[str | int] = [int(write), name, _micro(max(patience, 0)), *self._limits]
        granted, wait = await self._reserve_script(keys=[*ours, self._pause_of(endpoint)], args=args)
        if not granted:
            raise Later(int(wait) / 1e6)
        return int(wait) / 1e6

    def _pause_of(self, endpoint: str) -> str:
        return f"{self._prefix}pause:{endpoint}"


def _micro(seconds: float) -> int:
    return math.ceil(seconds * 1e6)
