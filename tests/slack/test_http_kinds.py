"""Every kind of request that Slack sends is acknowledged, has its effect once, and nothing else is taken for one."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from bridge.demo.slack.sender import FORM
from bridge.slack.intake import parse
from tests.support.signed import (
    JSON,
    KINDS,
    POST,
    at_rest,
    command,
    direct,
    effects,
    message_shortcut,
    payload,
    send,
    shortcut,
    submission,
)
from tests.support.space import ANA, Space, answer_text, until

# ── what Slack sends, and what merely looks like it ──────────────────────────


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_what_slack_sends_is_acknowledged(shared: Space, kind: Any) -> None:
    """Each kind that we listen to is answered 200: the samples below are what the mutants are made of."""
    assert (await payload(shared, kind(shared))).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"type": "shortcut", "callback_id": "nobody_has_this"},
        {"type": "message_action", "callback_id": "nobody_has_this"},
        {"type": "view_submission", "view": {"id": "V1", "type": "modal", "callback_id": "nobody_has_this"}},
        {"type": "block_suggestion", "action_id": "x", "block_id": "y", "value": "z"},
        {"type": "workflow_step_edit", "callback_id": "x", "workflow_step": {}},
        {"type": "unheard_of"},
    ],
    ids=lambda change: str(change["type"]),
)
async def test_what_nobody_listens_to_is_404(shared: Space, change: dict[str, Any]) -> None:
    """A well-formed interaction that bridge has no listener for is 404."""
    before = await at_rest(shared)

    assert (await payload(shared, shortcut(shared) | change)).status == 404
    assert effects(shared) == before


async def test_an_event_that_nobody_listens_to_is_404(shared: Space) -> None:
    """reaction_added is well-formed, and none of ours."""
    reply = await shared.sender.event({"type": "reaction_added", "user": ANA, "reaction": "tada", "event_ts": "1.2"})

    assert reply.status == 404


async def test_another_apps_command_is_404(shared: Space) -> None:
    """A command of another name is not ours."""
    assert (await shared.sender.command(ANA, POST, command="/other")).status == 404


async def test_the_url_is_verified_by_its_challenge(shared: Space) -> None:
    """url_verification is answered with its challenge when signed, with nothing when not."""
    body = json.dumps(
        {"type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3g"}
    ).encode()

    signed = await send(shared, body, JSON)
    unsigned = await shared.sender.raw(body, {"Content-Type": JSON})

    assert "3eZbrw1aBm2rZgRNFdxV2595E9CY3g" in signed.text
    assert (signed.status, unsigned.status, unsigned.text) == (200, 401, "")


async def test_the_certificate_check_is_answered(shared: Space) -> None:
    """Slack's ssl_check gets 200 when signed, and does nothing."""
    before = await at_rest(shared)

    signed = await send(shared, b"ssl_check=1&token=deprecated")
    unsigned = await shared.sender.raw(b"ssl_check=1&token=deprecated", {"Content-Type": FORM})

    assert (signed.status, unsigned.status, effects(shared)) == (200, 401, before)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("post The payload | of a ship", "general"),
        ("post payload | payload={}", "payload-team"),
        ("post Cargo | payload=[1]&payload=x", "payload"),
        ('post {"payload":1} | payload', "payload=x"),
    ],
)
async def test_the_word_payload_does_not_lose_a_command(space: Space, text: str, channel: str) -> None:
    """A command that holds the word "payload", in its text or its channel's name, is posted like any other."""
    reply = await send(space, command(space, text, channel_name=channel))

    assert reply.status == 200
    await until(lambda: space.threads)
    assert "payload" in space.threads[0]["Subject"] + space.threads[0]["Message"]


@pytest.mark.parametrize("name", ["payload", "command"])
async def test_a_form_with_both_is_a_command(shared: Space, name: str) -> None:
    """A body with a payload beside a command, or a field twice, is never a server error."""
    body = command(shared, "help") + f"&{name}=x&{name}=y".encode()

    assert (await send(shared, body)).status in (200, 400, 404)


# ── twice ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_form_that_arrives_twice_is_one_thread(space: Space, at_once: bool) -> None:
    """The same signed view_submission sent again, at once or later, posts once and tells the same link."""
    body = urlencode({"payload": json.dumps(submission(space))}).encode()
    headers = space.sender.sign(body)
    if at_once:
        replies = await asyncio.gather(*(space.sender.raw(body, headers) for _ in range(5)))
    else:
        replies = [await space.sender.raw(body, headers) for _ in range(2)]

    assert len(await space.bridge.outbox.latest(space.workspace.team_id, ANA)) == 1
    (thread,) = space.threads
    assert {each.status for each in replies} == {200}
    assert all(f"/thread/{thread['Id']}/" in each.text for each in replies)


async def test_a_command_that_arrives_twice_is_one_thread(space: Space) -> None:
    """The same signed command sent twice posts once."""
    body = command(space)
    headers = space.sender.sign(body)

    replies = [await space.sender.raw(body, headers) for _ in range(2)]

    assert len(await space.bridge.outbox.latest(space.workspace.team_id, ANA)) == 1
    (thread,) = space.threads
    assert all(f"/thread/{thread['Id']}/" in answer_text(each) for each in replies)


@pytest.mark.parametrize("kind", [shortcut, message_shortcut])
async def test_a_shortcut_that_arrives_twice_opens_one_form(space: Space, kind: Any) -> None:
    """The same signed shortcut sent twice calls views.open once."""
    body = urlencode({"payload": json.dumps(kind(space))}).encode()
    headers = space.sender.sign(body)

    replies = [await space.sender.raw(body, headers) for _ in range(3)]

    assert [each.status for each in replies] == [200, 200, 200]
    assert len([call for call in space.workspace.calls if call.method == "views.open"]) == 1


async def test_a_message_that_arrives_twice_is_answered_once(space: Space) -> None:
    """The same event delivered again, as Slack does when it was in doubt, is answered once."""
    body = json.dumps(direct(space)).encode()

    for _ in range(3):
        assert (await send(space, body, JSON, **{"x-slack-retry-num": "1"})).status == 200

    await until(lambda: not space.bridge.desk.tasks)
    assert len(space.workspace.dms[ANA]) == 1


async def test_who_is_found_at_once_is_whom_bolt_finds(shared: Space) -> None:
    """The table answers what Bolt's own search would, and leaves to it what the table does not name."""
    bolt = shared.bridge.bolt
    for name, status in ((shared.settings.slack_command, 200), ("/other", 404)):
        body = command(shared, "help", command=name)
        at_once = await bolt.answer(parse(body, FORM))
        searched = await bolt._search(parse(body, FORM))

        assert (at_once.status, searched.status) == (status, status)
        assert status == 404 or at_once.body == searched.body
    assert ("command", shared.settings.slack_command) in bolt._found
