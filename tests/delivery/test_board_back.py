"""While the board is away one process asks for all; in the moment when it is back, everything that waited is due."""

import asyncio
import time

from redis.asyncio import Redis

from bridge import wiring
from bridge.demo.nexudus.faults import Fault, Misbehaviour
from bridge.post.draft import Draft, Origin
from bridge.post.entry import Entry
from tests.delivery.test_delivery import ended, space
from tests.support.space import ANA, BEN, CARL, Space, open_space, until, until_async

__all__ = ["space"]


async def gone(space: Space) -> None:
    """The board is down, and known to be."""
    space.board.down = True
    await space.sender.command(BEN, "post Probe | Body")
    await until_async(space.bridge.delivery.board_health.is_away, 15)


async def test_everything_is_due_when_the_board_is_back(redis_url: str, redis: Redis) -> None:
    """Away for longer than the first waits: in the moment when it answers all posts go out, in the order of keeping."""
    async with open_space(redis_url, nexudus_timeout=1, longest_wait=600, still_trying_after=1) as space:
        for user in (ANA, BEN, CARL):
            await space.sender.command(user, "post Warm | up")
        await until(lambda: len(space.threads) == 3)
        await gone(space)
        for number in range(6):
            await space.sender.command(ANA, f"post Waiting {number} | Body")
        await until(lambda: len([text for text in space.heard(ANA) if "still trying" in text]) == 6, 15)
        asked = space.bridge.outbox
        tried = [entry.failures for entry in await asked.latest(space.workspace.team_id, ANA, 6)]
        assert tried == [0] * 6

        space.board.down = False
        back = time.monotonic()

        await ended(space, ANA, 7)
        assert time.monotonic() - back < 8
        await until(lambda: len(space.threads) == 10, max(0.1, 8 - (time.monotonic() - back)))


async def test_one_asks_for_all(redis_url: str, redis: Redis) -> None:
    """Three workers and many posts: a board that is away hears from one of them, once in some seconds."""
    async with open_space(redis_url, nexudus_timeout=0.5, longest_wait=600) as space:
        closed = space.bridge.desk.installation.is_closed
        async with wiring.build(space.settings, redis_url) as other:
            second = asyncio.create_task(other.delivery.run(closed))
            space.board.faults.append(Misbehaviour(Fault.FORBIDDEN_HTML, None, on="G"))
            for number in range(8):
                await space.sender.command(ANA, f"post Waiting {number} | Body")
            await until_async(space.bridge.delivery.board_health.is_away, 15)
            await asyncio.sleep(4)
            asked = len(space.board.requests)
            await asyncio.sleep(7)
            assert 1 <= len(space.board.requests) - asked <= 4
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)


async def test_who_dies_while_asking_is_followed(space: Space) -> None:
    """The lock of a dead process ends by itself: another asks on, and everything is due."""
    await gone(space)
    await space.stop_worker()
    await space.redis.set(f"{space.settings.prefix}asking", "dead", px=2000)
    space.board.down = False
    back = time.monotonic()
    space.start_worker()
    await ended(space, BEN)
    assert time.monotonic() - back < 10


async def test_a_mended_login_lets_everything_go_at_once(redis_url: str, redis: Redis) -> None:
    """The board takes the login again, and somebody says so: what waited goes out, however long its own waits were."""
    async with open_space(redis_url, nexudus_timeout=1, longest_wait=600, still_trying_after=1) as space:
        await space.sender.command(ANA, "post Warm | up")
        await until(lambda: space.threads)
        space.board.expire_access_tokens()
        space.board.expire_refresh_tokens()
        space.board.must_reset_password = True
        for number in range(3):
            await space.sender.command(ANA, f"post Waiting {number} | Body")
        await until_async(space.bridge.delivery.board_health.login_refused)
        await until(lambda: len([text for text in space.heard(ANA) if "still trying" in text]) == 3, 15)
        asked = space.board.token_requests
        space.board.must_reset_password = False
        await asyncio.sleep(3.5)
        assert space.board.token_requests == asked  # the account could be locked

        await space.bridge.board.tokens.forget_refusal()

        await ended(space, ANA, 4)
        assert space.board.token_requests - asked <= 2


async def test_a_login_that_gets_tokens_and_nothing_else_is_asked_seldom(space: Space) -> None:
    """No hold on the account is noted then: a renewal every three seconds would cost the board five calls each."""
    space.board.missing_roles |= {"CommunityThread-List", "Business-List", "Coworker-List"}
    await space.sender.command(ANA, "post Locked | out")
    await until_async(space.bridge.delivery.board_health.login_refused)
    await asyncio.sleep(2)
    asked = len(space.board.requests)
    await asyncio.sleep(7)
    assert len(space.board.requests) - asked <= 5
    space.board.missing_roles.clear()


async def test_what_comes_back_in_between_is_not_missed(space: Space) -> None:
    """The board is back between a claim that saw it away and the putting back: the entry is due at once."""
    await space.stop_worker()
    outbox, origin = space.bridge.outbox, Origin(space.workspace.team_id, ANA, time.time())
    await space.redis.set(outbox.key("away"), 1, ex=60)
    await outbox.put("between", Draft(origin, "Between", ({"mrkdwn": "Body"},)))
    entry = await outbox.claim()
    assert isinstance(entry, Entry) and entry.shut
    assert await outbox.recall() == 0
    await outbox.put_back(entry, 600, board="shut")
    assert isinstance(await outbox.claim(), Entry)
