"""Many people at once: the first must not wait for the last."""

import asyncio

from redis.asyncio import Redis

from bridge.language import sentences
from tests.support.space import ANA, BEN, CARL, open_space


async def test_a_burst_is_kept_in_turn(redis_url: str, redis: Redis) -> None:
    """120 posts in the same instant, with a board that is away: all are kept, and told so."""
    async with open_space(redis_url) as space:
        space.board.down = True
        space.sender.patience = 20
        people = [ANA, BEN, CARL]
        asked = (space.sender.command(people[n % 3], f"post Burst {n} | Body") for n in range(120))
        replies = await asyncio.gather(*asked)
        assert [each.text for each in replies if sentences.WAITING not in each.text] == []


async def test_in_a_crowd_most_are_answered_at_once(redis_url: str, redis: Redis) -> None:
    """120 posts that nobody delivers, and a wait of six seconds: only the fifty who may wait are still waiting then."""
    async with open_space(redis_url) as space:
        await space.stop_worker()
        space.bridge.desk.brief = 6.0
        space.sender.patience = 20
        asked = (space.sender.command(ANA, f"post Crowd {n} | Body") for n in range(120))
        replies = await asyncio.gather(*asked)
        assert [each.text for each in replies if sentences.WAITING not in each.text] == []
        at_once = sum(each.seconds < 6 for each in replies)
        assert at_once >= 70
