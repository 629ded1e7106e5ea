"""What was looked up, remembered in Redis for a stated time, and looked up by one caller at a time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError


class Cache:
    """JSON values under `prefix`; a Redis that is away, or a value that is damaged, only costs the look-up."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._flights: dict[str, asyncio.Task[Any]] = {}

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

    async def get(self, key: str, look_up: Callable[[], Awaitable[Any]], ttl: Callable[[Any], float] | float) -> Any:
        """The remembered value, else the looked-up one, kept for `ttl` seconds. Raises what look_up raises."""
        if (known := await self.remembered(key)) is not None:
            return known
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._fetch(key, look_up, ttl))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # Shielded: one caller that gives up must not fail the others.
        return await asyncio.shield(flight)

    async def _fetch(self, key: str, look_up: Callable[[], Awaitable[Any]], ttl: Callable[[Any], float] | float) -> Any:
        value = await look_up()
        await self.keep(key, value, ttl(value) if callable(ttl) else ttl)
        return value

    async def keep(self, key: str, value: Any, ttl: float) -> None:
        try:
            await self._redis.set(self._prefix + key, json.dumps(value), px=max(1, round(ttl * 1000)))
        except RedisError:
            return

    async def drop(self, *keys: str) -> None:
        """Raises RedisError: what was to be forgotten would be believed until its time is over."""
        await self._redis.delete(*(self._prefix + key for key in keys))


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
