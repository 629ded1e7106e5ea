"""Forgetting somebody: the real command, and a look at everything that Redis holds afterwards."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.draft import Draft, Outcome
from tests.commanding import TEAM, bridge, draft, end, mark_as_sending, put
from tests.space import ANA, BEN, CARL, Space, open_space


@pytest.fixture
async def space(redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Space]:
    monkeypatch.chdir(tmp_path)  # nobody's .env
    async with open_space(redis_url, worker=False) as opened:
        opened.extra["redis_url"] = redis_url
        yield opened


async def everything(redis: Redis) -> str:
    """Every key and every value of the server, as one text."""
    told = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        read: Any = {"string": redis.get, "hash": redis.hgetall, "zset": lambda k: redis.zrange(k, 0, -1)}
        value = await read[kind](key) if kind in read else await redis.lrange(key, 0, -1)
        told.append(f"{key} {value}")
    return "\n".join(told)


async def test_erase_leaves_no_trace_of_a_person(space: Space, redis: Redis) -> None:
    """Afterwards no key and no value in Redis holds the person's id: waiting, posted, mapped, mentioned or invited."""
    outbox = space.bridge.outbox
    await put(outbox, "posted")
    await end(outbox, Outcome("posted", thread=5, link="https://board.example/5"))
    mentions = Draft(replace(draft(BEN).origin, message_ts=None), "Hi", ({"mrkdwn": f"Hello <@{ANA}>"},), guests=(ANA,))
    others = await put(outbox, "other", replace(mentions, credit=ANA))
    await end(outbox, Outcome("refused", "unknown"))
    await put(outbox, "waiting", draft(subject="Dinner"))
    await space.bridge.people.profiles(ANA)
    await redis.set(f"{outbox.prefix}original:1", json.dumps({"text": f"<@{ANA}>"}), ex=100)
    assert ANA in await everything(redis)

    result = await bridge(space, "erase", ANA, "--yes")

    assert (result.exit_code, result.stdout) == (0, f"2 kept posts of {ANA} removed, and who they are.\n")
    assert ANA not in await everything(redis)
    kept = await outbox.get(others)
    assert kept is not None
    assert (kept.draft.origin.user, kept.draft.guests, kept.draft.credit) == (BEN, (), None)
    assert 0 < await redis.ttl(f"{outbox.prefix}original:1") <= 100


async def test_erase_reaches_drafts_that_outlived_their_list(space: Space, redis: Redis) -> None:
    """A record that is no longer in its person's own list is removed with the others."""
    await put(space.bridge.outbox)
    await redis.delete(f"{space.settings.prefix}mine:{TEAM}:{ANA}")

    await bridge(space, "erase", ANA, "--yes")

    assert ANA not in await everything(redis)


async def test_erase_spares_other_peoples_waiting_posts(space: Space, redis: Redis) -> None:
    """A post of somebody else that waits is carried as written, and the command says that it names the person."""
    id_ = await put(space.bridge.outbox, of=draft(BEN, guests=(ANA,)))

    result = await bridge(space, "erase", ANA, "--yes")

    entry = await space.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.draft.guests == (ANA,)
    assert "wait and name" in result.stdout


async def test_erase_tells_what_was_on_its_way(space: Space, redis: Redis) -> None:
    """What is being sent may still appear on the board: that is said."""
    id_ = await put(space.bridge.outbox)
    await mark_as_sending(redis, space, id_)

    assert "may still appear" in (await bridge(space, "erase", ANA, "--yes")).stdout


async def test_erase_touches_nobody_else(space: Space, redis: Redis) -> None:
    """Somebody whose id begins alike keeps everything."""
    longer = await put(space.bridge.outbox, "a", draft(f"{ANA}2"))
    other = await put(space.bridge.outbox, "b", draft(CARL))

    await bridge(space, "erase", ANA, "--yes")

    assert await space.bridge.outbox.get(longer)
    assert await space.bridge.outbox.get(other)


async def test_erase_asks_first(space: Space) -> None:
    """Without --yes a no leaves everything as it is, and a yes removes it."""
    id_ = await put(space.bridge.outbox)

    refused = await bridge(space, "erase", ANA, typed="n\n")
    kept = await space.bridge.outbox.get(id_)
    agreed = await bridge(space, "erase", ANA, typed="y\n")

    assert (refused.exit_code, agreed.exit_code) == (1, 0)
    assert kept is not None
    assert await space.bridge.outbox.get(id_) is None


async def test_erase_takes_an_id_only(space: Space) -> None:
    """A name or half an id is refused before anything is touched."""
    for wrong in ("ana", "@ana", "U", "U0*"):
        assert (await bridge(space, "erase", wrong, "--yes")).exit_code == 2
