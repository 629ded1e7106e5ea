"""What forms were opened on: kept once, counted, and found as long as a form may be open."""

from redis.asyncio import Redis

from bridge.form import stash
from bridge.form.stash import Stash
from tests.support.commanding import bridge
from tests.support.space import ANA, BEN, Space, until

ENORMOUS = {"text": "soup " * 160_000}


def stash_of(redis: Redis, key: bytes = b"key") -> Stash:
    return Stash(redis, "b:{stash}:", key)


async def test_one_message_is_kept_once_however_often_it_is_pressed(redis: Redis) -> None:
    """200 presses on 800 kB: neither the memory nor the file has it twice, and its life begins anew."""
    kept = stash_of(redis)
    names = {await kept.keep(ANA, ENORMOUS)}
    before = await redis.info()
    for name in names:
        await redis.expire(f"{kept.prefix}{name}", 10)
    names |= {await kept.keep(ANA, ENORMOUS) for _ in range(200)}
    after = await redis.info()

    (name,) = names
    assert name is not None and await kept.read(name) == ENORMOUS
    assert await redis.ttl(f"{kept.prefix}{name}") > 80_000
    assert after["used_memory"] - before["used_memory"] < 2_000_000
    assert after["aof_current_size"] - before["aof_current_size"] < 200_000


async def test_a_person_has_so_many_and_the_oldest_give_way(redis: Redis) -> None:
    """Whoever presses on ever other messages: the latest are there, and nobody else's are touched."""
    kept = stash_of(redis)
    bens = await kept.keep(BEN, {"text": "soup"})
    names = [str(await kept.keep(ANA, {"text": f"soup {nth}"})) for nth in range(stash.MOST)]
    await kept.keep(ANA, {"text": "soup 0"})  # used again: it is not the oldest any more
    names += [str(await kept.keep(ANA, {"text": f"salad {nth}"})) for nth in range(5)]

    there = [name for name in names if await kept.read(name)]
    assert there == [names[0], *names[6:]]
    assert len(there) == stash.MOST
    assert await kept.read(str(bens)) == {"text": "soup"}


async def test_a_name_is_its_persons_and_cannot_be_worked_out(redis: Redis) -> None:
    """Who knows the words and the person still lacks the key; two people's forms do not share a fate."""
    ours = await stash_of(redis).keep(ANA, {"text": "soup"})
    assert ours != await stash_of(redis).keep(BEN, {"text": "soup"})
    assert ours != await stash_of(redis, b"guessed").keep(ANA, {"text": "soup"})


async def test_both_forms_on_one_message_can_be_sent(space: Space) -> None:
    """Pressed twice on a message that is too long for a form, both forms carry it below what was typed."""
    message = {"type": "message", "user": BEN, "ts": "1700000000.000100", "text": "*soup* " * 1500}
    for nth in range(2):
        await space.sender.message_shortcut(ANA, message)
        view = space.view()["id"]
        reply = await space.sender.submit(view, {"subject": f"Soup {nth}", "message": "Above"})
        assert reply.action == "update", reply.text
    await until(lambda: [each["Subject"] for each in space.threads] == ["Soup 0", "Soup 1"])
    assert all(each["Message"].count("soup") == 1500 for each in space.threads)


async def test_erase_finds_what_somebody_opened_forms_on(resting: Space, redis: Redis) -> None:
    """The originals that a person kept go with them, whoever wrote them; others' stay."""
    kept = resting.bridge.desk.lookups.sources.stash
    anas, bens = [str(await kept.keep(each, {"text": "soup"})) for each in (ANA, BEN)]

    await bridge(resting, "erase", ANA, "--yes")

    assert (await kept.read(anas), await kept.read(bens)) == (None, {"text": "soup"})
    assert not await redis.exists(f"{kept.prefix}originals:{ANA}")
