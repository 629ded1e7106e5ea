"""Whether the app is still installed, and what is cleaned up when it is removed.

An event says that it was; a late or repeated one may be about an installation that was long renewed, so Slack's own
word on the token counts. https://docs.slack.dev/reference/events/app_uninstalled
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.outbox.ledger import Outbox
from bridge.slack.slack_health import REINSTALL, fingerprint
from bridge.slack.webapi import CallFailed, WebApi

log = structlog.get_logger()

# Seconds that an event is remembered: Slack may be away, or take the token for a moment yet. Until then it is asked
# every PAUSE, as it is while we are closed.
DOUBT, PAUSE = 3600, 60.0
# Seconds between the first tries at the start.
_FIRST_PAUSES = (1, 5, 30)
# Seconds that a web process believes it is open, so that many who post at once ask once.
_BELIEVED = 1.0


async def is_closed(redis: Redis, prefix: str, bot_token: str) -> bool:
    """Whether the app was removed under this token. Raises RedisError."""
    return bool(await redis.get(f"{prefix}closed") == fingerprint(bot_token))


class Installation:
    """One installation is known by its bot token; a new one has another, and starts afresh."""

    def __init__(self, outbox: Outbox, bot_token: str, api: WebApi) -> None:
        self._outbox, self._api, self._token = outbox, api, bot_token
        self._closed, self._doubted = outbox.key("closed"), outbox.key(f"removal:{fingerprint(bot_token)}")
        self._asking, self._open_until = asyncio.Lock(), 0.0

    async def is_closed(self) -> bool:
        """Whether it was removed under the token that this process holds: nothing is carried. Raises RedisError."""
        return await is_closed(self._outbox.redis, self._outbox.prefix, self._token)

    async def takes_posts(self) -> bool:
        """Whether something may be promised; at most a second old. Raises RedisError."""
        if time.monotonic() > self._open_until and not await self.is_closed():
            self._open_until = time.monotonic() + _BELIEVED
        return time.monotonic() <= self._open_until

    # ── removed, or not ──────────────────────────────────────────────────────

    async def heard_of_removal(self) -> None:
        """An event says so: asked at once, and for as long as nobody can be sure."""
        with suppress(RedisError):
            await self._outbox.redis.set(self._doubted, 1, ex=DOUBT)
            if not self._asking.locked() and await self.ask() is None:
                log.info("still_installed")

    async def ask(self) -> CallFailed | None:
        """auth.test: a token that works opens, one that is refused closes if its removal was heard of.

        Answers how the call failed. Raises RedisError.
        """
        async with self._asking:
            try:
                await self._api.identify()
            except CallFailed as failed:
                if failed.fault == "token" and await self._outbox.redis.exists(self._doubted):
                    await self._close()
                return failed
            if await self.is_closed():
                await self._outbox.redis.delete(self._closed)
                log.warning("app_is_back")
            return None

    async def greet(self) -> None:
        """Ask ahead of the first request, until Slack takes the token; Slack being away is no reason not to start."""
        tries = 0
        while True:
            with suppress(RedisError):
                if await self.ask() is None:
                    break
            await asyncio.sleep(_FIRST_PAUSES[tries] if tries < len(_FIRST_PAUSES) else PAUSE)
            tries += 1
        home = self._api.known_home()
        log.info("slack_ready", team=home[0] if home else None)

    async def watch(self, has_trouble: Callable[[], Awaitable[bool]], pause: float = PAUSE) -> None:
        """For ever: ask while we are closed, in doubt, or in trouble with Slack, so that all of it ends by itself."""
        while True:
            await asyncio.sleep(pause)
            with suppress(RedisError):
                if await has_trouble() or await self.is_closed() or await self._outbox.redis.exists(self._doubted):
                    await self.ask()

    async def _close(self) -> None:
        """Nothing is claimed any more under this token, and nobody is remembered.

        Nobody can be told any more; what is in doubt stays, to be looked for by a new installation.
        """
        self._open_until = 0.0
        if await self.is_closed():
            return
        log.error("app_removed", remedy=REINSTALL)
        await self._outbox.redis.set(self._closed, fingerprint(self._token), ex=round(self._outbox.keep))
        async for id_, entry in self._outbox.listing():
            if entry and await self._outbox.cancel(id_, "uninstalled") == "cancelled":
                await self._outbox.told(entry, "untold", leased=False)
        # Nothing in a prefix means anything to MATCH.
        for pattern in ("slack:*", "member:*", "tokens"):
            async for key in self._outbox.redis.scan_iter(match=self._outbox.key(pattern)):
                await self._outbox.redis.delete(key)
