"""How the board was when it was last spoken to, remembered for the health routes of every process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.nexudus.wire import NexudusError, Unauthorized, Unavailable, Unsure

log = structlog.get_logger()

# Seconds that a trouble is believed without a newer one; nobody asks oftener than the longest wait between tries.
_AWAY_TTL, _REJECTED_TTL = 60, 3600


class BoardHealth:
    """Keys under `prefix`; both expire. `longest_wait` is the longest between two tries, in seconds."""

    def __init__(self, redis: Redis, prefix: str, longest_wait: float) -> None:
        self._redis = redis
        self._away, self._rejected = prefix + "away", prefix + "rejected"
        self._away_ttl = round(max(_AWAY_TTL, 1.3 * longest_wait))
        # What is asked about at the start.
        self._trouble: str | None = "unknown"

    async def notice(self, error: Exception | None) -> None:
        """A call ended in `error`, or (None) well: then the trouble that any process noted is over.

        Other errors are answers too, and change nothing; so is a named wait, be it the board's or our own pace.
        """
        if isinstance(error, Unauthorized):
            self._log("board_rejects_login", reason=error.reason, remedy="run bridge doctor")
            await self._redis.set(self._rejected, error.reason, ex=_REJECTED_TTL)
        elif isinstance(error, Unsure) or (isinstance(error, Unavailable) and error.wait is None):
            self._log("board_away", why=str(error))
            await self._redis.set(self._away, 1, ex=self._away_ttl)
        elif error is None:
            # Asked first: nearly always nothing is noted, and a write for each post would go to the disk.
            if await self._redis.exists(self._away, self._rejected):
                await self._redis.delete(self._away, self._rejected)
                log.info("board_back")
            self._trouble = None

    async def keep(
        self, ask: Callable[[], Awaitable[object]], refused: Callable[[], Awaitable[str | None]], pause: float = 120
    ) -> None:
        """For ever: `ask` the board something harmless at the start, and every `pause` seconds while in trouble.

        In a space where nobody posts today, trouble shows at once and what was mended is forgotten at once.
        """
        while True:
            with suppress(RedisError):
                if self._trouble or await refused() or await self.is_away():
                    await self.notice(await _trouble_of(ask))
            await asyncio.sleep(pause)

    def _log(self, event: str, **why: str) -> None:
        """Once for each trouble: the attempts that it fails are logged by themselves."""
        if self._trouble != event:
            log.error(event, **why)
        self._trouble = event

    async def is_away(self) -> bool:
        return bool(await self._redis.exists(self._away))

    async def login_refused(self) -> str | None:
        """The board's last word on our login, if it was a no."""
        return cast("str | None", await self._redis.get(self._rejected))


async def _trouble_of(ask: Callable[[], Awaitable[object]]) -> NexudusError | None:
    try:
        await ask()
    except NexudusError as error:
        return error
    return None
