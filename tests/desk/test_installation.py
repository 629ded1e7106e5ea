"""Removed, or not: an event is a hint, and Slack's own word on the token counts. Closed, nothing is promised."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.language import sentences
from bridge.slack.webapi import CallFailed
from tests.support.space import ANA, BEN, Space, answer_text, until, until_async

REMOVED = {"type": "app_uninstalled"}
REVOKED = {"type": "tokens_revoked", "tokens": {"oauth": ["U0ANA"], "bot": ["U0BRIDGE"]}}
SAID = sentences.REASONS["removed"]


async def hear(space: Space, event: dict[str, Any]) -> None:
    """The event, and all that follows from it at once."""
    reply = await space.sender.event(event)
    assert reply.status == 200
    while space.bridge.desk.tasks:
        await asyncio.gather(*space.bridge.desk.tasks, return_exceptions=True)


def kill(space: Space) -> str:
    """Slack takes the token no more; answers the one that it took."""
    before, space.workspace.token = space.workspace.token, "xoxb-another"
    return before


async def remove(space: Space) -> str:
    token = kill(space)
    await hear(space, REMOVED)
    assert await space.bridge.desk.installation.is_closed()
    return token


async def ready(space: Space) -> tuple[int, str]:
    answer = await space.sender.client.get(f"{space.url}/readyz")
    return answer.status_code, str(answer.json()["slack"])


@contextlib.asynccontextmanager
async def watched(space: Space) -> AsyncIterator[None]:
    """As every process watches, and more often."""
    watching = asyncio.create_task(
        space.bridge.desk.installation.watch(space.bridge.slack_health.has_trouble, pause=0.05)
    )
    try:
        yield
    finally:
        watching.cancel()


@pytest.mark.parametrize("event", [REMOVED, REVOKED])
async def test_a_late_event_closes_nothing(space: Space, event: dict[str, Any]) -> None:
    """The app was installed again, with the same token: what is posted after a late event stands on the board."""
    for _ in range(3):
        await hear(space, event)

    await space.sender.command(ANA, "post Still | here")

    await until(lambda: space.threads)
    assert not await space.bridge.desk.installation.is_closed()
    assert await ready(space) == (200, "http")


@pytest.mark.parametrize("event", [REMOVED, REVOKED])
async def test_a_removal_that_slack_confirms_closes(space: Space, event: dict[str, Any]) -> None:
    """auth.test says no as well: what waited has ended, and nobody is remembered."""
    await space.sender.command(ANA, "whoami")
    space.board.down = True
    await space.sender.command(BEN, "post Before | The end")
    kill(space)

    await hear(space, event)

    assert await space.bridge.desk.installation.is_closed()
    (entry,) = await space.bridge.outbox.latest(space.workspace.team_id, BEN)
    assert (entry.state, entry.told) == ("cancelled", "untold")
    assert [key async for key in space.redis.scan_iter("*member:*")] == []


@pytest.mark.parametrize("then", ["works", "is refused"])
async def test_slack_away_is_asked_again(space: Space, then: str) -> None:
    """Nobody can say whether it was removed while Slack is away: nothing is closed until Slack has answered."""
    space.workspace.fail("auth.test", 503, times=None)
    await hear(space, REMOVED)
    assert not await space.bridge.desk.installation.is_closed()

    async with watched(space):
        asked = len(space.workspace.calls)
        await until(lambda: len(space.workspace.calls) > asked + 1)
        assert not await space.bridge.desk.installation.is_closed()
        space.workspace.behave()
        if then == "is refused":
            kill(space)
            await until_async(space.bridge.desk.installation.is_closed)
        else:
            asked = len(space.workspace.calls)
            await until(lambda: len(space.workspace.calls) > asked + 1)
            assert not await space.bridge.desk.installation.is_closed()


async def test_a_token_that_lives_a_moment_longer(space: Space) -> None:
    """Slack may take the token for a moment after the removal: it is asked again, and then it closes."""
    await hear(space, REMOVED)
    assert not await space.bridge.desk.installation.is_closed()
    kill(space)

    async with watched(space):
        await until_async(space.bridge.desk.installation.is_closed)


async def test_a_refused_token_alone_closes_nothing(space: Space) -> None:
    """Nobody said that the app was removed: posts wait for a token that Slack takes."""
    kill(space)

    assert isinstance(await space.bridge.desk.installation.ask(), CallFailed)

    assert not await space.bridge.desk.installation.is_closed()


@pytest.mark.parametrize(
    "tokens", [None, [], "bot", 7, {}, {"bot": None}, {"bot": []}, {"oauth": ["U0ANA"]}, {"bot": "", "oauth": 1}]
)
async def test_tokens_of_people_and_odd_ones(space: Space, tokens: object) -> None:
    """A person's revoked token, or what Slack never sends, asks nothing and breaks nothing."""
    asked = len(space.workspace.calls)

    await hear(space, {"type": "tokens_revoked", "tokens": tokens})

    assert len(space.workspace.calls) == asked


async def test_while_closed_nothing_is_promised(space: Space) -> None:
    """A form stays open with its words, a command gets them back; both read what happened and whom to ask."""
    await space.sender.global_shortcut(ANA)
    view = space.view()["id"]
    await remove(space)

    form = await space.sender.submit(view, {"subject": "Sweets", "message": "In the kitchen"})
    command = await space.sender.command(BEN, "post Of Ben | Words")
    opening = await space.sender.command(BEN, "A subject of Ben")
    whoami = await space.sender.command(BEN, "whoami")

    assert form.errors == {"message": SAID}
    assert SAID in answer_text(command) and "post Of Ben | Words" in answer_text(command)
    assert SAID in answer_text(opening) and "A subject of Ben" in answer_text(opening)
    assert sentences.FAULTS["slack_refused"] in answer_text(whoami)
    assert [each async for each in space.bridge.outbox.listing()] == []
    assert await ready(space) == (503, "http, app removed")


async def test_a_working_token_opens_again(space: Space) -> None:
    """As soon as Slack takes the token, what is posted is carried again."""
    token = await remove(space)
    async with watched(space):
        space.workspace.token = token

        async def is_open() -> bool:
            return await ready(space) == (200, "http")

        await until_async(is_open)
    await space.sender.command(ANA, "post Again | here")
    await until(lambda: space.threads)


async def test_a_start_opens_again(space: Space) -> None:
    """A bridge that starts with a token that works is open, whatever an older version closed for a month."""
    installation = space.bridge.desk.installation
    space.workspace.token = await remove(space)

    await installation.greet()

    assert not await installation.is_closed()


async def test_a_repeated_event_is_said_once(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """The log has one line with the remedy, however often Slack repeats the event."""
    await remove(space)
    await hear(space, REMOVED)
    await hear(space, REVOKED)

    (line,) = [each for each in capsys.readouterr().out.splitlines() if "app_removed" in each]
    assert "install the app again" in line
