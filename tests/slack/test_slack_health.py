"""A dead token is Slack's trouble: it is said so to members, in the log with its remedy, and by /readyz."""

import asyncio
from functools import partial

import pytest

from bridge.language import sentences
from bridge.slack import warnings
from bridge.slack.slack_health import SlackHealth
from bridge.slack.webapi import CallFailed
from tests.support.space import ANA, BEN, Space, answer_text, until, until_async

TOKEN_ERRORS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")


async def is_ready(space: Space, status: int, slack: str) -> bool:
    answer = await space.sender.client.get(f"{space.url}/readyz")
    return (answer.status_code, answer.json()["slack"]) == (status, slack)


@pytest.mark.parametrize("error", TOKEN_ERRORS)
async def test_a_refused_token_is_not_ready(space: Space, error: str) -> None:
    """/readyz is 503 and says what Slack said, until a call succeeds again."""
    space.workspace.fail("users.info", error)
    await space.sender.command(ANA, "whoami")
    await until_async(partial(is_ready, space, 503, f"http, token refused: {error}"))

    await space.sender.command(ANA, "whoami")

    await until_async(partial(is_ready, space, 200, "http"))


async def test_a_refused_token_is_told_as_slacks(space: Space) -> None:
    """Who asks who they are reads that Slack refuses the app; that the board is away would be a lie."""
    space.workspace.fail("users.info", "token_revoked", times=None)

    told = answer_text(await space.sender.command(ANA, "whoami"))

    assert sentences.FAULTS["slack_refused"] in told
    assert "reach the board" not in told


async def test_a_slack_that_is_away_is_named_and_no_reason(space: Space) -> None:
    """/readyz stays 200 and names Slack; so does what a person reads; both are over with the first answer."""
    space.workspace.fail("users.info", 503, times=None)
    told = answer_text(await space.sender.command(ANA, "whoami"))
    assert sentences.FAULTS["slack"] in told
    await until_async(partial(is_ready, space, 200, "http, away"))

    space.workspace.behave()
    await space.sender.command(ANA, "whoami")

    await until_async(partial(is_ready, space, 200, "http"))


async def test_the_board_and_its_login_are_told_as_the_boards(space: Space) -> None:
    """A board that is away and one that rejects the login have sentences of their own."""
    space.board.down = True
    assert sentences.FAULTS["board"] in answer_text(await space.sender.command(ANA, "whoami"))
    space.board.down = False
    space.board.logins["api@space.example"] = "changed"
    space.board.expire_access_tokens()
    space.board.expire_refresh_tokens()

    assert sentences.FAULTS["board_refused"] in answer_text(await space.sender.command(BEN, "whoami"))
    assert await is_ready(space, 503, "http") or await is_ready(space, 200, "http")


async def test_the_log_has_method_word_and_remedy_once(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """At most one line a minute for each method and word, however many ask; another pair has its own."""
    space.workspace.token = "xoxb-another"
    for _ in range(5):
        await space.sender.command(ANA, "whoami")
    await space.sender.command(ANA, "A form")
    space.workspace.fail("users.info", 503, times=None)
    await space.sender.command(ANA, "whoami")

    lines = [each for each in capsys.readouterr().out.splitlines() if "slack_refuses_token" in each]
    (asked,) = [each for each in lines if "users.info" in each]
    assert "invalid_auth" in asked and "install the app again" in asked
    assert len([each for each in lines if "views.open" in each]) == 1
    assert ("slack_call_failed", "users.info", "503") in warnings._told


async def test_a_form_that_a_dead_token_cannot_open(space: Space) -> None:
    """Not "in time, please try again": who wanted a form reads that Slack refuses the app, and has their words."""
    space.workspace.fail("views.open", "token_revoked")

    told = answer_text(await space.sender.command(ANA, "A subject of Ana"))

    assert sentences.FAULTS["slack_refused"] in told and "A subject of Ana" in told


async def test_calls_that_work_cost_the_store_nothing(space: Space) -> None:
    """The memory is asked for nothing while there is no trouble."""
    await space.bridge.desk.api.identify()
    await asyncio.gather(*space.bridge.slack_health._notes)
    for _ in range(3):
        await space.bridge.desk.api.identify()

        assert not space.bridge.slack_health._notes


async def test_what_a_dead_process_noted_is_cleared_by_another(space: Space) -> None:
    """Whoever reads of a trouble ends it with the next call that works."""
    await space.bridge.desk.api.identify()
    dead = SlackHealth(space.redis, space.settings.prefix, "xoxb-demo")
    dead.note("users.info", CallFailed("invalid_auth", passing=True))
    await until_async(partial(is_ready, space, 503, "http, token refused: invalid_auth"))

    await space.bridge.desk.api.identify()

    await until_async(partial(is_ready, space, 200, "http"))


async def test_another_token_begins_afresh(space: Space) -> None:
    """What Slack said of the old token is nothing to the process that has the new one."""
    old = SlackHealth(space.redis, space.settings.prefix, "xoxb-old")
    old.note("auth.test", CallFailed("token_revoked", passing=True))
    await asyncio.gather(*old._notes)

    assert await old.last() == ("token_revoked", False)
    assert await is_ready(space, 200, "http")


async def test_no_for_somebody_is_no_trouble(space: Space) -> None:
    """An answer about a person or a channel says that Slack is there and takes the token."""
    for error in ("user_not_found", "missing_scope", "channel_not_found"):
        space.workspace.fail("users.info", error)
        await space.sender.command(ANA, "whoami")

    await until(lambda: not space.bridge.slack_health._notes)
    assert await is_ready(space, 200, "http")
