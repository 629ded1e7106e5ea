"""Erased words leave the disk: the embedded server's file, which grows by every command, is written anew.

Its keeper sees to that once a day; whoever has erased somebody waits for it here.
"""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import ResponseError

# Seconds; a file of a hundred megabytes takes one or two.
PATIENCE = 60.0


async def rewrite(redis: Redis) -> bool:
    """Whether nothing that was deleted before stands in the files any more. Raises RedisError.

    A rewriting that is under way may have begun before: another one follows it.
    https://valkey.io/commands/bgrewriteaof/
    """
    try:
        async with asyncio.timeout(PATIENCE):
            await _end_of_rewriting(redis)
            while True:
                try:
                    await redis.bgrewriteaof()
                    break
                except ResponseError:  # the keeper was a moment earlier
                    await _end_of_rewriting(redis)
            return await _end_of_rewriting(redis)
    except TimeoutError:
        return False


async def _end_of_rewriting(redis: Redis) -> bool:
    """Whether the last one went well."""
    while True:
        now = await redis.info("persistence")
        if not (now["aof_rewrite_in_progress"] or now["aof_rewrite_scheduled"]):
            return bool(now["aof_last_bgrewrite_status"] == "ok")
        await asyncio.sleep(0.05)
