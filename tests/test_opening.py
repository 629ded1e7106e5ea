"""How a form opens: whole where everything is known, at once where it is not."""

import time

from redis.asyncio import Redis

from tests.space import ANA, open_space, until


async def test_a_form_opens_whole_for_somebody_who_is_known(redis_url: str, redis: Redis) -> None:
    """The second form of a person has its groups from the start: one call, and nothing moves under a finger."""
    async with open_space(redis_url) as space:
        await space.sender.command(ANA, "First")
        await until(lambda: "'group'" in space.view_text())
        await until(lambda: not space.bridge.desk.tasks)
        before = len(space.workspace.calls)
        await space.sender.command(ANA, "Second")
        assert "'group'" in space.view_text()
        await until(lambda: not space.bridge.desk.tasks)
        assert [each.method for each in space.workspace.calls[before:]] == ["views.open"]


async def test_a_form_does_not_wait_for_a_board_that_is_slow(redis_url: str, redis: Redis) -> None:
    """Within half a second it is open without the groups; they come when the board has named them."""
    async with open_space(redis_url, nexudus_timeout=30) as space:
        space.board.delay = 0.7
        began = time.monotonic()
        reply = await space.sender.command(ANA, "Slow")
        assert (reply.status, time.monotonic() - began < 0.5) == (200, True)
        assert "'group'" not in space.view_text()
        space.board.delay = 0
        await until(lambda: "'group'" in space.view_text(), 20)


async def test_a_form_opens_although_a_look_up_breaks(redis_url: str, redis: Redis) -> None:
    """What is remembered of the locations is nonsense: the form opens with its fields, and says nothing of it."""
    async with open_space(redis_url) as space:
        await redis.set(f"{space.settings.prefix}locations", "17", ex=60)
        reply = await space.sender.command(ANA, "Still")
        assert reply.status == 200
        assert "Still" in space.view_text()
