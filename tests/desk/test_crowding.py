"""Nobody holds up everybody: what one person can send costs the others no acknowledgement and no post."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge.language import sentences
from bridge.post.draft import MOST_GUESTS
from bridge.slack import crowd, protocol
from tests.support.space import ANA, BEN, Space, open_space, until

# What reading takes longest for: marks that could all begin or end something.
HARD = "~" * 4000


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url) as opened:
        opened.workspace.scopes += ",channels:history"
        yield opened


async def slowest(space: Space, work: "asyncio.Task[Any]") -> float:
    """The longest that somebody else waited for an answer meanwhile, in seconds."""
    waits = [0.0]
    while not work.done() or len(waits) < 20:
        began = time.perf_counter()
        await space.sender.client.get(f"{space.url}/livez")
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return max(waits)


async def test_a_message_of_enormous_attachments_opens_its_form(space: Space) -> None:
    """A hundred attachments of what is hardest to read: attached whole, and nobody else waits for it."""
    attachments = [{"id": number, "text": HARD} for number in range(100)]
    message = {"type": "message", "user": ANA, "ts": "1700000000.000100", "text": "Look", "attachments": attachments}

    asked = asyncio.create_task(space.sender.message_shortcut(ANA, message))

    assert await slowest(space, asked) < 1
    assert (await asked).status == 200
    assert sentences.ATTACHED in space.view_text()
    sent = asyncio.create_task(space.sender.submit(space.view()["id"], {"message": "m"}))
    assert await slowest(space, sent) < 1
    assert "message" in (await sent).errors


async def test_a_thread_of_enormous_attachments_is_read_beside_the_others(space: Space) -> None:
    """Whoever ticks such a thread holds nobody up; what does not fit stays."""
    replies = [{"type": "message", "user": BEN, "ts": f"1700000001.{n:06}", "text": "", "attachments": [
        {"id": 1, "text": HARD * 3}]} for n in range(100)]  # fmt: skip
    first = {"type": "message", "user": ANA, "ts": "1700000000.000100", "text": "First"}
    shared = space.workspace.add_thread("C1", [first, *replies])
    await space.sender.message_shortcut(ANA, shared)

    ticked = asyncio.create_task(space.sender.choose(space.view()["id"], "thread", "thread", ["thread"], ANA))

    assert await slowest(space, ticked) < 1


@pytest.mark.parametrize("length", [20_000, 600_000])
async def test_a_command_of_enormous_length_holds_nobody_up(space: Space, length: int) -> None:
    """What is surely too long is not even read, the rest beside the others."""
    asked = asyncio.create_task(space.sender.command(ANA, ("_*~a~*_" * length)[:length]))

    assert await slowest(space, asked) < 1
    assert (await asked).status == 200


async def test_guests_have_a_limit(space: Space) -> None:
    """Each guest is looked up at the account's pace: more than a few would hold up everybody's posts."""
    await space.sender.command(ANA, "Party")
    view = space.view()["id"]
    await space.sender.press(view, "more_options")
    await until(lambda: "'guests'" in space.view_text())
    many = [f"U9{number:04}" for number in range(MOST_GUESTS + 1)]

    reply = await space.sender.submit(view, {"message": "m", "guests": many})

    assert reply.errors == {"guests": sentences.reason("guests_many", {"most": MOST_GUESTS})}


async def test_a_body_that_never_ends_is_given_up(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack sends at once. Who dawdles is answered 400, and what was read of it is forgotten."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)

    async def drips() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000
            await asyncio.sleep(0.05)

    answer = await space.sender.client.post(space.sender.url, content=drips())

    assert answer.status_code == 400


async def test_bodies_have_a_common_limit(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers who send much at a time, unsigned, are refused before the memory is full; then all is as before."""
    monkeypatch.setattr(crowd, "MOST_HELD", 100_000 + crowd.room() * crowd.SMALL)

    async def much() -> AsyncIterator[bytes]:
        yield b"x" * (crowd.SMALL + 60_000)
        await asyncio.sleep(0.5)
        yield b"x"

    async with httpx.AsyncClient() as stranger:
        sent = [stranger.post(space.sender.url, content=much()) for _ in range(3)]
        statuses = sorted(each.status_code for each in await asyncio.gather(*sent))

    assert statuses == [401, 413, 413]
    assert (await space.sender.command(ANA, "help")).status == 200
