"""What people write, and what opens doors, is not written down."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
import structlog

from bridge.demo.slack.sender import FORM
from tests.support import overheard
from tests.support.signed import command, payload, pressed, send, shortcut, submission
from tests.support.space import ANA, SECRET, Space, until

SECRETS = (
    "Zanzibar-in-the-subject",
    "Zanzibar-in-the-body",
    "xoxb-demo",
    SECRET,
    "never-log-this",
    "ana@space.example",
)


@contextlib.contextmanager
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that any logger says, at its most talkative, stdlib's and structlog's."""
    said: list[str] = []
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        yield said
    said.extend(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    said.extend(str(event) for event in events)


async def test_a_refused_request_is_not_logged_with_its_body(shared: Space, caplog: pytest.LogCaptureFixture) -> None:
    """Of requests that are 401, 413, 400 or 404, nothing that stood in them is written down."""
    words = f"post {SECRETS[0]} | {SECRETS[1]}"
    body = command(shared, words)
    with everything_logged(caplog) as said:
        unsigned = await shared.sender.raw(body, {"Content-Type": FORM})
        plain = await send(shared, body, "text/plain")
        elsewhere = await shared.sender.command(ANA, words, command="/other")
        malformed = await send(shared, b"payload={" + words.encode())
        mistaken = await payload(shared, shortcut(shared) | {"callback_id": SECRETS[0], "view": [words]})
        unheard = await payload(shared, shortcut(shared) | {"callback_id": SECRETS[0]})
        large = await shared.sender.raw(words.encode() + b"x" * 1024 * 1024, {"Content-Type": FORM})

    replies = [unsigned, plain, elsewhere, malformed, mistaken, unheard, large]
    assert [each.status for each in replies] == [401, 400, 404, 400, 400, 404, 413]
    assert [line for line in said if any(secret in line for secret in SECRETS)] == []


@pytest.mark.parametrize("mishap", ["none", "no form", "board away", "unreadable memory", "half a pair", "an answer"])
async def test_nothing_that_people_write_is_logged(space: Space, caplog: pytest.LogCaptureFixture, mishap: str) -> None:
    """Subject, message, address and tokens are in no log line, also when things go wrong."""
    words = f"post {SECRETS[0]} | {SECRETS[1]}"
    with everything_logged(caplog) as said:
        if mishap == "no form":
            space.workspace.fail("views.open", "invalid_arguments", times=None)
            await space.sender.command(ANA, f"{SECRETS[0]} {SECRETS[1]}")
        elif mishap == "board away":
            space.board.fail_lists = True
            await space.sender.command(ANA, words)
        elif mishap == "none":
            await space.sender.command(ANA, words)
        elif mishap == "an answer":
            # Goes out by the response_url, which lets whoever reads it write in our name.
            url = space.workspace.response_url("actions", ANA, "C1")
            await payload(space, pressed(space) | {"response_url": url})
            await until(lambda: space.workspace.responses)
        else:
            sample = submission(space)
            values = sample["view"]["state"]["values"]
            values["subject"]["subject"]["value"] = SECRETS[0] + ("\ud800" if mishap == "half a pair" else "")
            if mishap == "unreadable memory":
                sample["view"]["private_metadata"] = f"{SECRETS[0]} {{"
            await payload(space, sample)
        await asyncio.sleep(0.3)

    lines = [line for line in said if any(secret in line for secret in SECRETS)]
    assert [line[:300] for line in lines] == []


@pytest.mark.parametrize(
    "line",
    [
        "token=xoxb-demo",
        "url=/link?ticket=xapp-1-A0",
        f"refresh_token=rt-{'0a' * 16}",
        "authorization: Bearer abc",
        f"key={SECRET}",
        "password=hush-4711",
        "/metrics s3cret",
        "for ana@space.example",
        "GET /api?User_Email=ana%40space.example",
        f"POST http://127.0.0.1:1/hooks/commands/{'0a' * 16}",
        f"GET /files/{'aB-_' * 11}",
        "Who *joins*?",
        "subject='Coffee is back'",
        "Soup at noon",
        "in the long field",
    ],
)
def test_whatever_gives_somebody_away_is_overheard(line: str) -> None:
    """The search at the end of each test knows every secret by its looks, and what was typed by having heard it."""
    said = {
        "view": {"state": {"values": {"a": {"a": {"value": "in the long field"}}}}},
        "message": {"text": "Soup at noon"},
    }
    overheard.hear(urlencode({"text": "post Coffee is back | The machine works"}).encode())
    overheard.hear(urlencode({"payload": json.dumps(said)}).encode())
    found = overheard.leaks(f"put disposition=kept id=6krnktrrclu4-1 user=U0ANA\n{line}")
    overheard.forget()
    assert len(found) == 1
    assert overheard.leaks("2026-11-24 [info] put disposition=kept id=6krnktrrclu4-1 user=U0ANA team=T0BRIDGE") == []
