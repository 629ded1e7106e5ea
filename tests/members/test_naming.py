"""What a post has looked up in Slack: it holds up nobody else's, and not knowing a channel is said as it is."""

import time

import pytest
from redis.asyncio import Redis

from bridge.language import sentences
from bridge.members import people
from tests.post.test_conversation import said
from tests.support.space import ANA, BEN, Space, open_space, until

ASKED = "conversations.info"


def calls(space: Space, method: str = ASKED) -> int:
    return sum(call.method == method for call in space.workspace.calls)


def channels(many: int) -> str:
    return " ".join(f"<#C00{number:06d}>" for number in range(many))


async def test_a_post_that_names_channels_asks_for_few(space: Space) -> None:
    """However many channels one post names, Slack is asked for some: its fifty a minute are everybody's."""
    await space.sender.command(ANA, f"post Channels | {channels(200)}")
    await until(lambda: space.threads)

    assert calls(space) <= people.MOST_CHANNELS
    assert "a private channel" in space.threads[0]["Message"]


async def test_names_of_channels_come_in_time_or_not_at_all(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slow Slack, a post that names channels waits for all names together only so long."""
    monkeypatch.setattr(people, "NAMING", 0.6)
    space.workspace.slow(ASKED, 0.25)
    began = time.monotonic()

    await space.sender.command(ANA, f"post Channels | <#C1> {channels(20)} <@{BEN}>")
    await until(lambda: space.threads)

    assert time.monotonic() - began < 2.5
    assert "@Ben" in space.threads[0]["Message"], "the people are not behind the channels in the queue"


async def test_a_slack_that_wants_a_pause_is_asked_for_no_further_channel(space: Space) -> None:
    """One answer with Retry-After ends the looking up of a post's channels."""
    space.workspace.ratelimit(ASKED, 30, times=None)

    await space.sender.command(ANA, f"post Channels | {channels(20)}")
    await until(lambda: space.threads)

    assert calls(space) == 1


async def test_a_public_message_is_not_called_private_while_slack_cannot_be_asked(redis_url: str, redis: Redis) -> None:
    """PRIVATE_SOURCES=forbid: not known to be public, it stays; but why is said truly, and later it goes."""
    async with open_space(redis_url, private_sources="forbid") as space:
        space.workspace.ratelimit(ASKED, 30, times=None)
        await space.sender.message_shortcut(ANA, said(0, "Soup"))
        view = space.view()["id"]
        assert "not from a public channel" not in space.view_text()

        reply = await space.sender.submit(view, {"subject": "Soup"})

        assert sentences.REASONS["private_unknown"] in str(reply.errors)
        assert space.threads == []
        space.workspace.behave()
        await redis.delete(f"{space.settings.prefix}channel:C1")
        await space.sender.submit(view, {"subject": "Soup"})
        assert [each["Subject"] for each in space.threads] == ["Soup"]


@pytest.mark.parametrize("error", ["channel_not_found", "missing_scope"])
async def test_a_channel_that_slack_does_not_show_us_is_private(redis_url: str, redis: Redis, error: str) -> None:
    """PRIVATE_SOURCES=forbid: nobody is told to try again where Slack will never say more."""
    async with open_space(redis_url, private_sources="forbid") as space:
        space.workspace.fail(ASKED, error, times=None)
        await space.sender.message_shortcut(ANA, said(0, "Soup"))

        reply = await space.sender.submit(space.view()["id"], {"subject": "Soup"})

        assert sentences.REASONS["private_forbidden"] in str(reply.errors)
        assert space.threads == []
