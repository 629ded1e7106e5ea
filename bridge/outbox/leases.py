"""The lease on an entry of a queue: the posts and their files have one each, in fields of their own of one record.

A queue is a sorted set whose score is the time when an entry is due, in milliseconds of the server, so that a lease
that runs out hands the entry to the next one by itself. `own` begins the names of a lease's fields.
"""

import contextlib
import math
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout


class Lost(Exception):
    """The lease ran out and another worker has the entry: this attempt must change nothing more."""


def claimed(found: Any) -> dict[str, str] | float:
    """What a claim answered: the record's fields, or how many seconds nothing will be due (-1: nothing waits)."""
    if isinstance(found, int):
        return found / 1000 if found >= 0 else -1.0
    return dict(zip(found[::2], found[1::2], strict=True))


async def called(blocking: Redis, keys: Sequence[str], seconds: float) -> str | None:
    """Which of the lists something was pushed to, within so many seconds. Raises RedisError."""
    with contextlib.suppress(RedisTimeout):  # the connection died in silence; the next call opens another
        if found := await blocking.blpop(list(keys), timeout=seconds):
            return str(found[0])
    return None


async def seconds_left(redis: Redis, queues: Sequence[str]) -> list[float]:
    """Until the first entry of each queue is due, in one round trip; inf: nothing waits. Raises RedisError."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        for queue in queues:
            pipe.zrange(queue, 0, 0, withscores=True)
        (seconds, micro), *firsts = await pipe.execute()
    now = seconds + micro / 1e6
    return [max(0.0, first[0][1] / 1000 - now) if first else math.inf for first in firsts]


def still_ours(id_: str, said: str) -> str:
    """What a step answered. Raises Lost."""
    if said == "lost":
        raise Lost(id_)
    return said
