"""Forgetting somebody: the real command, and a look at everything that Redis holds afterwards."""

import json
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.draft import Draft, Outcome
from bridge.erasure import Erased
from tests.commanding import TEAM, bridge, draft, end, mark_as_sending, put
from tests.space import ANA, BEN, CARL, Space


async def everything(redis: Redis) -> str:
    """Every key and every value of the server, as one text."""
    told = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        read: Any = {"string": redis.get, "hash": redis.hgetall, "zset": lambda k: redis.zrange(k, 0, -1)}
        value = await read[kind](key) if kind in read else await redis.lrange(key, 0, -1)
        told.append(f"{key} {value}")
    return "\n".join(told)


async def test_erase_leaves_no_trace_of_a_person(resting: Space, redis: Redis) -> None:
    """Afterwards no key and no value in Redis holds the person's id: waiting, posted, mapped, mentioned or invited."""
    outbox = resting.bridge.outbox
    await put(outbox, "posted")
    await end(outbox, Outcome("posted", thread=5, link="https://board.example/5"))
    mentions = Draft(replace(draft(BEN).origin, message_ts=None), "Hi", ({"mrkdwn": f"Hello <@{ANA}>"},), guests=(ANA,))
    others = await put(outbox, "other", replace(mentions, credit=ANA))
    await end(outbox, Outcome("refused", "unknown"))
    await put(outbox, "waiting", draft(subject="Dinner"))
    await resting.bridge.people.profiles(ANA)
    await redis.set(f"{outbox.prefix}original:1", json.dumps({"text": f"<@{ANA}>"}), ex=100)
    assert ANA in await everything(redis)

    result = await bridge(resting, "erase", ANA, "--yes")

    assert (result.exit_code, result.stdout) == (
        0,
        f"2 kept posts of {ANA} were removed, and what was known of them.\n",
    )
    assert ANA not in await everything(redis)
    kept = await outbox.get(others)
    assert kept is not None
    assert (kept.draft.origin.user, kept.draft.guests, kept.draft.credit) == (BEN, (), None)
    assert 0 < await redis.ttl(f"{outbox.prefix}original:1") <= 100


async def test_erase_reaches_drafts_that_outlived_their_list(resting: Space, redis: Redis) -> None:
    """A record that is no longer in its person's own list is removed with the others."""
    await put(resting.bridge.outbox)
    await redis.delete(f"{resting.settings.prefix}mine:{TEAM}:{ANA}")

    await bridge(resting, "erase", ANA, "--yes")

    assert ANA not in await everything(redis)


async def test_erase_spares_other_peoples_waiting_posts(resting: Space, redis: Redis) -> None:
    """A post of somebody else that waits is carried as written, and the command says that it names the person."""
    id_ = await put(resting.bridge.outbox, of=draft(BEN, guests=(ANA,)))

    result = await bridge(resting, "erase", ANA, "--yes")

    entry = await resting.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.draft.guests == (ANA,)
    said = f"Nothing of {ANA}'s own was kept. 1 post of others still to be carried names {ANA}"
    assert result.stdout == f"{said}: erase again once it has ended.\n"


async def test_erase_tells_what_was_on_its_way(resting: Space, redis: Redis) -> None:
    """What is being sent may still appear on the board: that is said."""
    id_ = await put(resting.bridge.outbox)
    await mark_as_sending(redis, resting, id_)

    assert "may still appear" in (await bridge(resting, "erase", ANA, "--yes")).stdout


async def test_erase_touches_nobody_else(resting: Space, redis: Redis) -> None:
    """Somebody whose id begins alike keeps everything."""
    longer = await put(resting.bridge.outbox, "a", draft(f"{ANA}2"))
    other = await put(resting.bridge.outbox, "b", draft(CARL))

    await bridge(resting, "erase", ANA, "--yes")

    assert await resting.bridge.outbox.get(longer)
    assert await resting.bridge.outbox.get(other)


async def test_erase_asks_first(resting: Space) -> None:
    """Without --yes a no leaves everything as it is, and a yes removes it."""
    id_ = await put(resting.bridge.outbox)

    refused = await bridge(resting, "erase", ANA, typed="n\n")
    kept = await resting.bridge.outbox.get(id_)
    agreed = await bridge(resting, "erase", ANA, typed="y\n")

    assert (refused.exit_code, agreed.exit_code) == (1, 0)
    assert kept is not None
    assert await resting.bridge.outbox.get(id_) is None


async def test_erase_takes_an_id_only(resting: Space) -> None:
    """A name or half an id is refused before anything is touched."""
    for wrong in ("ana", "@ana", "U", "U0*"):
        assert (await bridge(resting, "erase", wrong, "--yes")).exit_code == 2


@pytest.mark.parametrize(
    ("erased", "said"),
    [
        (Erased(0, 0, 0, known=False), "Nothing was kept about U1."),
        (Erased(0, 0, 0, known=True), "What was known of U1 was removed."),
        (Erased(1, 0, 0, known=False), "1 kept post of U1 was removed."),
        (
            Erased(3, 1, 0, known=False),
            "3 kept posts of U1 were removed. 1 of them was on the way and may still appear",
        ),
        (Erased(3, 2, 0, known=False), "2 of them were on the way and may still appear on the board."),
        (
            Erased(0, 0, 2, known=False),
            "2 posts of others still to be carried name U1: erase again once they have",
        ),
    ],
)
def test_what_was_erased_is_told_in_good_grammar(erased: Erased, said: str) -> None:
    """One or several, something or nothing at all: each has its own sentence."""
    assert said in erased.sentences("U1")


async def test_nothing_kept_is_said(resting: Space) -> None:
    """Somebody whom bridge never heard of: that is the answer, and no count of nothing."""
    assert (await bridge(resting, "erase", "U0NOBODY", "--yes")).stdout == "Nothing was kept about U0NOBODY.\n"
