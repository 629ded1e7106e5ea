"""The front lets in what Slack signed, and answers junk with 4xx. Every request goes over a socket to the real app."""

import asyncio
import contextlib
import copy
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bridge.demo.slack.sender import FORM
from bridge.slack import signature
from tests.support.signed import (
    JSON,
    SURROGATE,
    at_rest,
    command,
    effects,
    kept,
    message_shortcut,
    payload,
    pressed,
    send,
    shortcut,
    submission,
)
from tests.support.space import SECRET, Space, answer_text

# ── who may speak ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": None},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0="},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v1=" + "0" * 64},
        {"X-Slack-Signature": b"v0=\xff\xe4\xf6"},
        {"X-Slack-Signature": "v0=" + "é" * 64},
        {"X-Slack-Signature": "v0=" + "0" * 8000},
        {"X-Slack-Request-Timestamp": None},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "now"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "+1700000000"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": "nan"},
        {"X-Slack-Request-Timestamp": "1_700_000_000"},
        {"X-Slack-Request-Timestamp": "1700000000.0"},
        {"X-Slack-Request-Timestamp": b"\xb2\xb3"},
        {"X-Slack-Request-Timestamp": "１７００００００００"},
        {"X-Slack-Request-Timestamp": "9" * 12},
        {"X-Slack-Request-Timestamp": "9" * 5000},
        {"X-Slack-Request-Timestamp": "0"},
    ],
    ids=str,
)
async def test_an_unsound_signature_is_401(shared: Space, change: dict[str, Any]) -> None:
    """A request whose signature or timestamp does not hold gets 401, and nothing is done for it."""
    body = command(shared)
    before = await at_rest(shared)
    headers: dict[str, Any] = {**shared.sender.sign(body), **change}
    encoded = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers.items()
        if value is not None
    ]

    answer = await shared.sender.client.post(shared.sender.url, content=body, headers=encoded)

    assert (answer.status_code, answer.content) == (401, b"")
    assert (effects(shared), await kept(shared)) == (before, 0)


@pytest.mark.parametrize("age", [301, 3600, -301, -86400])
async def test_a_right_signature_of_another_time_is_401(shared: Space, age: float) -> None:
    """A signature more than five minutes old, or from the future, is no longer one."""
    body = command(shared)
    before = await at_rest(shared)

    reply = await shared.sender.raw(body, shared.sender.sign(body, time.time() - age))

    assert (reply.status, reply.text, effects(shared)) == (401, "", before)


@pytest.mark.parametrize("tampered", ["body", "longer", "shorter", "secret", "empty"])
async def test_a_tampered_request_is_401(shared: Space, tampered: str) -> None:
    """The signature covers every byte, under our secret only."""
    body = command(shared)
    before = await at_rest(shared)
    headers = shared.sender.sign(body)
    sent = {"body": body.replace(b"U0ANA", b"U0BEN"), "longer": body + b"&x=1", "shorter": body[:-1], "empty": b""}
    if tampered == "secret":
        other = copy.copy(shared.sender)
        other.secret = ""
        headers = other.sign(body)

    reply = await shared.sender.raw(sent.get(tampered, body), headers)

    assert (reply.status, effects(shared)) == (401, before)


VECTOR = {
    "secret": "8f742231b10e8888abcd99yyyzzz85a5",
    "timestamp": "1531420618",
    "signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    "body": "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
}


async def test_slacks_published_vector_verifies(shared: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of Slack's own documentation is let in, its age apart; one other letter and it is not.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    assert VECTOR["secret"] == SECRET
    monkeypatch.setattr(signature, "MOST_SKEW", 10**10)
    signed = {"X-Slack-Request-Timestamp": VECTOR["timestamp"], "X-Slack-Signature": VECTOR["signature"]}
    headers = signed | {"Content-Type": FORM}

    right = await shared.sender.raw(VECTOR["body"].encode(), headers)
    wrong = await shared.sender.raw(VECTOR["body"].encode() + b"x", headers)

    # Nobody listens to /webhook-collect: 404 is what a verified request of that kind gets.
    assert (right.status, wrong.status) == (404, 401)


async def test_headers_give_bolt_no_orders(shared: Space) -> None:
    """Headers that Bolt would obey, and that no signature covers, do nothing."""
    body = command(shared, "help")

    reply = await send(
        shared, body, **{"x-slack-bolt-lazy-only": "1", "x-slack-bolt-lazy-function-name": "used_the_command"}
    )

    assert "opens a form" in answer_text(reply)


# ── what is no request of Slack's ────────────────────────────────────────────


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_cap_is_413(shared: Space, signed: bool, chunked: bool) -> None:
    """More than 1 MiB is 413, whether or not its length is told, and whether or not it is signed."""
    body = b"payload=" + b"x" * (1024 * 1024)
    headers = shared.sender.sign(body) if signed else {"Content-Type": FORM}

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 65536):
            yield body[at : at + 65536]

    content = chunks() if chunked else body
    with contextlib.suppress(httpx.WriteError):
        answer = await shared.sender.client.post(shared.sender.url, content=content, headers=headers)
        assert answer.status_code == 413


async def test_a_body_at_the_cap_is_read(shared: Space) -> None:
    """Exactly 1 MiB is not too much: it is verified, and then is what it is."""
    body = (b"text=" + b"x" * (1024 * 1024))[: 1024 * 1024]

    assert (await send(shared, body)).status in (400, 404)


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"\xb2", b"99999999999999999999999", b"1, 2", b"0x10"])
async def test_a_nonsense_length_is_no_server_error(shared: Space, length: bytes) -> None:
    """A content-length that is no number, or a huge one, is the sender's fault."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared.url.rpartition(":")[2]))
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\nx")
    await writer.drain()

    status = (await asyncio.wait_for(reader.readline(), 3)).split()[1]

    writer.close()
    assert 400 <= int(status) < 500


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "multipart/form-data; boundary=x", "text/html", "application/xml", "", "application/jsonx", "\x7f"],
)
async def test_other_content_types_are_400(shared: Space, kind: str) -> None:
    """What Slack does not send is 400, though signed."""
    assert (await send(shared, command(shared), kind)).status == 400


async def test_a_missing_content_type_is_400(shared: Space) -> None:
    """A signed body that does not say what it is is 400."""
    body = command(shared)
    headers = shared.sender.sign(body)
    del headers["Content-Type"]

    answer = await shared.sender.client.post(shared.sender.url, content=body, headers=headers)

    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["application/json;charset=utf-8", "Application/JSON", "application/json ; a=b"])
async def test_a_content_type_may_have_parameters(shared: Space, kind: str) -> None:
    """Case and parameters of the content type do not matter."""
    body = json.dumps({"type": "url_verification", "challenge": "c"}).encode()

    assert (await send(shared, body, kind)).status == 200


DEEP = 100_000
MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", FORM),
    "nothing as JSON": (b"", JSON),
    "half an object": (b"{", JSON),
    "a list": (b"[]", JSON),
    "a number": (b"1", JSON),
    "a text": (b'"x"', JSON),
    "null": (b"null", JSON),
    "an empty object": (b"{}", JSON),
    "NaN": (b"NaN", JSON),
    "a huge number": (b"9" * 10_000, JSON),
    "UTF-16": ('{"type":"x"}'.encode("utf-16"), JSON),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "invalid UTF-8": (b"\xff\xfe\xfd", JSON),
    "invalid UTF-8 in a form": (b"command=\xff", FORM),
    "deep nesting": (b"[" * DEEP + b"]" * DEEP, JSON),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, JSON),
    "a list as payload": (b"payload=[1]", FORM),
    "half a payload": (b"payload={", FORM),
    "no payload": (b"payload=", FORM),
    "null as payload": (b"payload=null", FORM),
    "an empty payload": (b"payload={}", FORM),
    "a payload in deep nesting": (b"payload=" + b"[" * DEEP, FORM),
    "no equals sign": (b"command", FORM),
    "many fields": (b"&".join(b"a%d=1" % n for n in range(500)), FORM),
    "a type of lists": (b'{"type":["x"],"event":[]}', JSON),
    "an event of text": (b'{"type":"event_callback","event":"x"}', JSON),
    "a user of text": (b"payload=" + quote(json.dumps({"type": "shortcut", "user": "U1"})).encode(), FORM),
    "actions of nothing": (b"payload=" + quote(json.dumps({"type": "block_actions", "actions": 1})).encode(), FORM),
}


@pytest.mark.parametrize(("body", "kind"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_body_is_400(shared: Space, body: bytes, kind: str) -> None:
    """Signed or not, what cannot be read is the sender's fault: 400, and nothing is done."""
    before = await at_rest(shared)

    reply = await send(shared, body, kind)

    assert (reply.status, effects(shared), await kept(shared)) == (400, before, 0)


ODD: dict[str, tuple[Any, ...]] = {
    "NUL": ("a\x00b",),
    "half a surrogate pair": (SURROGATE,),
    "a megabyte": ("x" * 300_000,),
    "right to left": ("\u202egnp.exe",),
    "braces": ("{0} {name.__class__} %s",),
}


@pytest.mark.parametrize("place", ["trigger_id", "user id", "team id", "view id", "value", "metadata", "channel"])
@pytest.mark.parametrize("odd", [each[0] for each in ODD.values()], ids=ODD.keys())
async def test_odd_text_is_no_server_error(shared: Space, odd: str, place: str) -> None:
    """NUL, half a surrogate pair and their like, anywhere in a signed payload, end as 200, 400 or 404."""
    for sample in (submission(shared), shortcut(shared), pressed(shared)):
        if place == "trigger_id":
            sample["trigger_id"] = odd
        elif place == "user id":
            sample["user"]["id"] = odd
        elif place == "team id":
            sample["user"]["team_id"] = sample["team"]["id"] = odd
        elif place == "channel":
            sample["channel"] = {"id": odd}
        elif place == "value" and "actions" in sample:
            sample["actions"][0]["value"] = odd
        elif "view" in sample:
            view = sample["view"]
            view["id"] = odd if place == "view id" else view["id"]
            view["private_metadata"] = odd if place == "metadata" else view["private_metadata"]
            view["state"]["values"]["subject"]["subject"]["value"] = odd

        assert (await payload(shared, sample)).status in (200, 400, 404)


@pytest.mark.parametrize("files", [5, True, "x", {"id": "F1"}, [7, None, {}]])
async def test_odd_files_are_no_server_error(shared: Space, files: Any) -> None:
    """Whatever stands where a message's files should: the form opens, or the request is refused."""
    sample = message_shortcut(shared)
    sample["message"]["files"] = files

    assert (await payload(shared, sample)).status in (200, 400)
