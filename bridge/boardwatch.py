"""How the board was when it was last spoken to, remembered for the health routes of every process."""

from typing import cast

import structlog
from redis.asyncio import Redis

from bridge.nexudus import Unauthorized, Unavailable, Unsure

log = structlog.get_logger()

# Seconds that a trouble is believed without a newer one.
AWAY_TTL, REJECTED_TTL = 60, 3600


class BoardWatch:
    """Keys under `prefix`; both expire."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._away, self._rejected = prefix + "away", prefix + "rejected"
        # What another process noted before we started may be out of date: the first success clears it.
        self._troubled = True

    async def notice(self, error: Exception | None) -> None:
        """An attempt ended in `error`, or (None) in a thread."""
        if isinstance(error, Unauthorized):
            log.error("board_rejects_login", reason=error.reason)
            await self._redis.set(self._rejected, error.reason, ex=REJECTED_TTL)
        elif isinstance(error, Unavailable | Unsure):
            await self._redis.set(self._away, 1, ex=AWAY_TTL)
        elif error is None and self._troubled:
            await self._redis.delete(self._away, self._rejected)
        self._troubled = error is not None

    async def is_away(self) -> bool:
        return bool(await self._redis.exists(self._away))

    async def login_refused(self) -> str | None:
        """The board's last word on our login, if it was a no."""
        return cast("str | None", await self._redis.get(self._rejected))
