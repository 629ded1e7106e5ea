"""What was looked up, remembered in Redis for a stated time, and looked up by one caller at a time."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

_KEEP = Path(__file__).with_name("keep.lua").read_text()
# How many seconds a look-up may take and still be kept.
_LONGEST = 300


def _mark(key: str) -> str:
    """The key of a look-up that is under way; a name of its own, which no search for the values finds."""
    return f"looking:{key.replace(':', '-')}"


class _Flight:
    """A look-up that is under way, for all in this process who ask for the same."""

    task: asyncio.Task[Any]
    mark: str | None = None
    began = False


class Cache:
    """JSON values under `prefix`; a Redis that is away, or a value that is damaged, only costs the look-up.

    Each look-up leaves a mark in Redis while it is under way. Whoever drops the value takes the mark away, in whatever
    process the look-up runs: what it finds is then an answer from before, is not kept, and nobody new waits for it.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._flights: dict[str, _Flight] = {}
        self._keep = redis.register_script(_KEEP)

    async def remembered(self, key: str) -> Any:
        """The value, or None."""
        return (await self.several(key))[0]

    async def several(self, *keys: str) -> list[Any]:
        """Their values, or None each: one question to Redis."""
        try:
            texts = await self._redis.mget([self._prefix + key for key in keys])
        except RedisError:
            return [None] * len(keys)
        return [_read(text) if text else None for text in texts]

    async def get(
        self,
        key: str,
        look_up: Callable[[], Awaitable[Any]],
        ttl: Callable[[Any], float] | float,
        believed: Callable[[Any], bool] = lambda value: True,
    ) -> Any:
        """The remembered value, else the looked-up one, kept for `ttl` seconds. Raises what look_up raises.

        What is not `believed` is looked up anew: the answer is then of a look-up that began after this call.
        """
        before = self._flights.get(key)
        had_begun = before is not None and before.began
        known, mark = await self.several(key, _mark(key))
        if known is not None and believed(known):
            return known
        flight = self._flights.get(key)
        # One that begins after this call is as good, whatever its mark was when we asked.
        if flight is None or (flight is before and had_begun and flight.mark != mark):
            return await self._fly(key, look_up, ttl)
        # Shielded: one caller that gives up must not fail the others.
        value = await asyncio.shield(flight.task)
        if believed(value):
            return value
        flight = self._flights.get(key)
        return await (asyncio.shield(flight.task) if flight else self._fly(key, look_up, ttl))

    async def _fly(self, key: str, look_up: Callable[[], Awaitable[Any]], ttl: Callable[[Any], float] | float) -> Any:
        flight = self._flights[key] = _Flight()
        flight.task = asyncio.create_task(self._fetch(flight, key, look_up, ttl))
        flight.task.add_done_callback(lambda _: self._landed(key, flight))
        return await asyncio.shield(flight.task)

    def _landed(self, key: str, flight: "_Flight") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _fetch(
        self,
        flight: "_Flight",
        key: str,
        look_up: Callable[[], Awaitable[Any]],
        ttl: Callable[[Any], float] | float,
    ) -> Any:
        with suppress(RedisError):
            flight.mark = await self._marked(key)
        flight.began = True
        value = await look_up()
        if flight.mark:
            life = max(1, round((ttl(value) if callable(ttl) else ttl) * 1000))
            with suppress(RedisError):
                keys = [self._prefix + key, self._prefix + _mark(key)]
                await self._keep(keys=keys, args=[json.dumps(flight.mark), json.dumps(value), life])
        return value

    async def _marked(self, key: str) -> Any:
        """The mark of a look-up that begins now; another process's is as good, or each would undo the other's."""
        mark = secrets.token_hex(8)
        if await self._redis.set(self._prefix + _mark(key), json.dumps(mark), ex=_LONGEST, nx=True):
            return mark
        return await self.remembered(_mark(key))

    async def drop(self, *keys: str) -> None:
        """Raises RedisError: what was to be forgotten would be believed until its time is over."""
        await self._redis.delete(*(self._prefix + each for key in keys for each in (key, _mark(key))))


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
