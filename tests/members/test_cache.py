"""What was looked up is remembered, but not what somebody said has changed, and no refusal at the next try."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge import wiring
from bridge.language import sentences
from bridge.members.cache import Cache
from tests.support.dora import DORA, DORAS, POST, PROFILES, add_dora, add_profile, ids, posted, refused, told
from tests.support.space import ANA, Space, until

PREFIX = "bridge:{t}:"


class Slow:
    """A look-up that answers when it is let go, each time with the next of its answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.begun, self.go = list(answers), 0, asyncio.Event()

    async def __call__(self) -> Any:
        self.begun += 1
        answer = self.answers.pop(0)
        await self.go.wait()
        return answer


async def asked(cache: Cache, look_up: Slow) -> "asyncio.Task[Any]":
    """Somebody asks, and the look-up has begun."""
    before = look_up.begun
    task = asyncio.create_task(cache.get("slack:U1", look_up, 60))
    await until(lambda: look_up.begun > before)
    return task


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_look_up_from_before_the_change_is_not_kept(redis: Redis, processes: int) -> None:
    """Dropped while it is looked up, by this process or another: the old answer is not written afterwards."""
    cache, look_up = Cache(redis, PREFIX), Slow("old", "new")
    other = cache if processes == 1 else Cache(redis, PREFIX)
    task = await asked(cache, look_up)

    await other.drop("slack:U1")
    look_up.go.set()

    assert await task == "old"
    assert await cache.remembered("slack:U1") is None
    assert await cache.get("slack:U1", look_up, 60) == "new"
    assert await other.remembered("slack:U1") == "new"


async def test_nobody_new_waits_for_an_answer_from_before(redis: Redis) -> None:
    """Who asks after the change gets the new answer, which is kept, although the old look-up is still under way."""
    cache, look_up = Cache(redis, PREFIX), Slow("old", "new")
    first = await asked(cache, look_up)
    await cache.drop("slack:U1")
    second = await asked(cache, look_up)
    look_up.go.set()

    assert (await first, await second) == ("old", "new")
    assert await cache.remembered("slack:U1") == "new"


async def test_many_who_ask_at_once_cost_one_look_up(redis: Redis) -> None:
    """In each of two processes: they do not undo each other's."""
    caches, look_ups = [Cache(redis, PREFIX), Cache(redis, PREFIX)], [Slow(*"abcdef"), Slow(*"abcdef")]
    tasks = []
    for _ in range(3):
        for cache, look_up in zip(caches, look_ups, strict=True):
            tasks += [asyncio.create_task(cache.get("locations", look_up, 60)) for _ in range(5)]
        await until(lambda: all(each.begun for each in look_ups))
    await asyncio.sleep(0.2)
    for look_up in look_ups:
        look_up.go.set()

    assert set(await asyncio.gather(*tasks)) == {"a"}
    assert [each.begun for each in look_ups] == [1, 1]
    assert await caches[0].remembered("locations") == "a"


async def test_a_mark_ends_by_itself(redis: Redis) -> None:
    """A process that dies while it looks up leaves nothing for ever."""
    task = await asked(Cache(redis, PREFIX), Slow("x"))
    assert 0 < await redis.ttl(f"{PREFIX}looking:slack-U1") <= 300
    task.cancel()


async def test_what_is_not_believed_is_looked_up_after_the_call(redis: Redis) -> None:
    """Also where a look-up is under way that began before: it is waited for, and not believed either."""
    cache, look_up = Cache(redis, PREFIX), Slow("no", "yes")
    first = await asked(cache, look_up)
    second = asyncio.create_task(cache.get("slack:U1", look_up, 60, lambda value: value != "no"))
    await asyncio.sleep(0.05)
    look_up.go.set()

    assert (await first, await second, look_up.begun) == ("no", "yes", 2)
    assert await cache.get("slack:U1", look_up, 60, lambda value: value != "no") == "yes"


# ── people ───────────────────────────────────────────────────────────────────


async def test_a_change_during_the_first_look_up_is_not_lost(space: Space, redis_url: str) -> None:
    """Slack says that the address changed, at another process, while the old one is on its way: the new one counts."""
    people, person, go = space.bridge.desk.places.people, space.workspace.users[ANA], asyncio.Event()
    ask, begun = people._slack.user, asyncio.Event()

    async def slowly(user: str) -> dict[str, Any]:
        found = await ask(user)
        begun.set()
        await go.wait()
        return found

    people._slack = replace(people._slack, user=slowly)
    async with wiring.build(space.settings, redis_url) as other:
        asking = asyncio.create_task(people.slack_profile(ANA))
        await begun.wait()
        person["profile"]["email"] = DORAS
        await other.desk.places.people.changed(person)
        go.set()

        assert (await asking)["email"] == "ana@space.example"
        assert (await people.slack_profile(ANA))["email"] == DORAS


async def test_who_signs_up_is_found_at_the_next_try(space: Space) -> None:
    """ "Nobody with this address" is not believed when the same person tries again, by whatever way."""
    add_dora(space)
    await refused(space, DORA, await space.sender.command(DORA, POST), "unknown")
    add_profile(space)

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_who_signs_up_reads_so_at_once(space: Space) -> None:
    """whoami and a new form look again, and the form that was open is posted."""
    add_dora(space)
    await space.sender.command(DORA, "Lunch")
    await until(lambda: not space.bridge.desk.tasks)
    assert sentences.REASONS["unknown"] in space.view_text()
    view = space.view()["id"]
    add_profile(space)

    assert "Dora" in told(space, DORA, await space.sender.command(DORA, "whoami"))
    await space.sender.submit(view, {"message": "At noon"})

    assert ids(await posted(space)) == (150, 250)


async def test_a_new_form_does_not_repeat_an_old_refusal(space: Space) -> None:
    """Opened again after somebody signed up, it says nothing of it."""
    add_dora(space)
    await space.sender.command(DORA, "Lunch")
    await until(lambda: space.workspace.views and sentences.REASONS["unknown"] in space.view_text())
    add_profile(space)

    await space.sender.command(DORA, "Lunch")

    await until(lambda: len(space.workspace.views) == 2 and "General" in space.view_text())
    assert sentences.REASONS["unknown"] not in space.view_text()


async def test_a_guest_who_signs_up_is_found_at_the_next_try(space: Space) -> None:
    """The refusal of a guest is not believed either when the post is tried again."""
    add_dora(space)
    await space.sender.command(ANA, "Lunch")
    await until(lambda: not space.bridge.desk.tasks)
    view = space.view()["id"]
    await space.sender.press(view, "more_options")
    await until(lambda: "guests" in space.view_text())
    reply = await space.sender.submit(view, {"message": "Noon", "private": ["private"], "guests": [DORA]})
    assert "guests" in reply.errors
    add_profile(space)

    await space.sender.submit(view, {})

    assert (await posted(space))["Guests"] == [150]


async def test_a_mended_slack_profile_counts_at_the_next_try(space: Space) -> None:
    """Slack shows the address since the app got its permission, and says nothing of it: the gate asks again."""
    add_profile(space)
    add_dora(space, None)
    await refused(space, DORA, await space.sender.command(DORA, POST), "no_email")
    space.workspace.users[DORA]["profile"]["email"] = DORAS

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_a_form_redrawn_asks_the_board_nothing_new(space: Space) -> None:
    """A refusal is believed while the same form is open: only a new try costs a look-up."""
    add_dora(space)
    await space.sender.command(DORA, "Lunch")
    await until(lambda: not space.bridge.desk.tasks)
    before = len(space.board.seen(PROFILES))

    await space.bridge.desk.lookups.complete(space.bridge.desk.open_forms.read(space.view(), DORA, "T0BRIDGE"), None)

    assert len(space.board.seen(PROFILES)) == before
