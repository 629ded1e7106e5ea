"""The lease on an entry of a queue: the posts and their files have one each, in fields of their own of one record.

A queue is a sorted set whose score is the time when an entry is due, in milliseconds of the server, so that a lease
that runs out hands the entry to the next one by itself. `own` begins the names of a lease's fields.
"""

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
