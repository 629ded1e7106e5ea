"""The front lets in what Slack signed, answers junk with 4xx, and tells nothing to anybody else.

Every request goes over a socket to the real app. What Slack has not signed has no effect; what it
has signed, however odd, never gets a 5xx.
"""

import asyncio
import contextlib
import copy
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sized
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bridge import front, store
from bridge.demo.sender import FORM, Reply
from tests.space import ANA, SECRET, Space, answer_text, open_space, until

JSON = "application/json"
POST = "post Coffee is back | The machine works again"
MATERIAL = Path("/work/shared/material/slack-payloads.json")


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url) as opened:
        yield opened


@pytest.fixture(scope="module")
async def shared(redis_url: str) -> AsyncIterator[Space]:
    """One space for all the requests that are to have no effect; nothing is delivered, nothing waited for."""
    async with open_space(redis_url, worker=False) as opened:
        opened.bridge.desk.brief = 0.0
        yield opened


def command(space: Space, text: str = POST, **extra: str) -> bytes:
    fields = {
        "team_id": space.workspace.team_id,
        "user_id": ANA,
        "user_name": "ana",
        "channel_id": "C1",
        "channel_name": "general",
        "command": "/community",
        "text": text,
        "trigger_id": space.workspace.trigger(ANA),
        "response_url": space.workspace.response_url("commands", ANA, "C1"),
    }
    return urlencode(fields | extra).encode()


async def send(space: Space, body: bytes, content_type: str = FORM, **headers: str) -> Reply:
    return await space.sender.raw(body, space.sender.sign(body, content_type=content_type) | headers)


async def payload(space: Space, value: Any) -> Reply:
    return await send(space, urlencode({"payload": json.dumps(value)}).encode())


def effects(space: Space) -> tuple[int, ...]:
    """What a request could have done: calls to Slack, to the board, views, tasks."""
    own: tuple[Sized, ...] = (space.workspace.calls, space.board.requests, space.workspace.views, space.threads)
    return (*(len(each) for each in own), len(space.bridge.desk.tasks))


async def at_rest(space: Space) -> tuple[int, ...]:
    """The same once every task of an earlier request has ended."""
    await until(lambda: not space.bridge.desk.tasks)
    await space.redis.flushall()
    return effects(space)


async def kept(space: Space) -> int:
    return len(await space.redis.keys(f"{space.settings.prefix}draft:*"))


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
    monkeypatch.setattr(front, "MOST_SKEW", 10**10)
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


SURROGATE = "\ud800 half a pair"
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


# ── what Slack sends, and what merely looks like it ──────────────────────────


def person(space: Space, kind: str) -> dict[str, Any]:
    team = space.workspace.team_id
    return {
        "type": kind,
        "team": {"id": team, "domain": "harbour"},
        "user": {"id": ANA, "username": "ana", "team_id": team},
        "api_app_id": "A0BRIDGE",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": space.workspace.trigger(ANA),
    }


def shortcut(space: Space) -> dict[str, Any]:
    return person(space, "shortcut") | {"callback_id": "new_community_post", "action_ts": "1.2"}


def message_shortcut(space: Space) -> dict[str, Any]:
    text = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
    }
    message = {"type": "message", "user": "U0BEN", "ts": "1700000000.000100", "text": "a", "blocks": [text]}
    more = {"callback_id": "post_to_community", "message_ts": message["ts"], "message": message}
    more |= {"response_url": f"{space.workspace.url}/hooks/app/none", "channel": {"id": "C1", "name": "general"}}
    return person(space, "message_action") | more


def view(space: Space) -> dict[str, Any]:
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
    }
    digest = {"text": {"type": "plain_text", "text": "x"}, "value": "digest"}
    origin = {"team": space.workspace.team_id, "user": ANA, "asked_at": time.time()}
    return {
        "id": f"V{time.time_ns()}",
        "team_id": space.workspace.team_id,
        "type": "modal",
        "callback_id": "community_post",
        "private_metadata": json.dumps({"origin": origin, "credit": None, "original": None, "more": True}),
        "hash": "1.x",
        "blocks": [{"type": "input", "block_id": "subject", "element": {"type": "plain_text_input"}}],
        "state": {
            "values": {
                "subject": {"subject": {"type": "plain_text_input", "value": "Lunch"}},
                "message": {"message": {"type": "rich_text_input", "rich_text_value": rich}},
                "tags": {"tags": {"type": "plain_text_input", "value": "a, b"}},
                "group": {"group": {"type": "static_select", "selected_option": None}},
                "location": {"location": {"type": "static_select", "selected_option": None}},
                "delivery": {"delivery": {"type": "radio_buttons", "selected_option": digest}},
                "private": {"private": {"type": "checkboxes", "selected_options": []}},
                "guests": {"guests": {"type": "multi_users_select", "selected_users": []}},
            }
        },
    }


def submission(space: Space) -> dict[str, Any]:
    return person(space, "view_submission") | {"view": view(space), "response_urls": []}


def closing(space: Space) -> dict[str, Any]:
    return person(space, "view_closed") | {"view": view(space), "is_cleared": True}


def pressed(space: Space, action: str = "cancel_draft") -> dict[str, Any]:
    container = {"type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": True}
    return person(space, "block_actions") | {
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": "x", "action_ts": "1.2"}],
        "container": container,
        "channel": {"id": "C1"},
        "response_url": f"{space.workspace.url}/hooks/actions/none",
    }


def more(space: Space) -> dict[str, Any]:
    found = pressed(space, "more_options") | {"view": view(space)}
    return found | {"container": {"type": "view", "view_id": found["view"]["id"]}}


def moved(space: Space) -> dict[str, Any]:
    found = more(space)
    chosen = {"text": {"type": "plain_text", "text": "x"}, "value": "1421021016"}
    found["actions"] = [
        {"type": "static_select", "action_id": "location", "block_id": "location", "selected_option": chosen}
    ]
    return found


def again(space: Space) -> dict[str, Any]:
    return pressed(space, "reopen_form")


def event(space: Space) -> dict[str, Any]:
    profile = {"email": "ana@space.example", "real_name": "Ana"}
    user = {"id": ANA, "team_id": space.workspace.team_id, "profile": profile}
    return {
        "type": "event_callback",
        "team_id": space.workspace.team_id,
        "api_app_id": "A0BRIDGE",
        "event": {"type": "user_change", "user": user, "event_ts": "1.2"},
        "event_id": f"Ev{time.time_ns()}",
        "event_time": 1,
        "authorizations": [{"team_id": space.workspace.team_id, "user_id": "U0BRIDGE", "is_bot": True}],
    }


def direct(space: Space) -> dict[str, Any]:
    message = {"type": "message", "channel_type": "im", "user": ANA, "text": "hi", "channel": "D1", "ts": "1.2"}
    return event(space) | {"event": message}


KINDS = (shortcut, message_shortcut, submission, closing, pressed, more, moved, again, event, direct)


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


# ── arbitrary signed requests ────────────────────────────────────────────────

CALM = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(
    [
        "",
        "\x00",
        SURROGATE,
        ANA,
        "C1",
        "event_callback",
        "view_submission",
        "0",
        "-1",
        "9" * 30,
        "{",
        "message",
        "<@U1|",
    ]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "type",
        "team",
        "user",
        "view",
        "event",
        "event_id",
        "channel",
        "message",
        "actions",
        "container",
        "callback_id",
        "trigger_id",
        "response_url",
        "enterprise",
        "authorizations",
        "team_id",
        "user_id",
        "command",
        "text",
        "payload",
        "challenge",
        "ssl_check",
        "bot_id",
        "api_app_id",
        "state",
        "function_data",
        "is_enterprise_install",
        "event_context",
        "response_urls",
        "token",
    ]
)
TYPES = st.sampled_from(
    [
        "event_callback",
        "view_submission",
        "view_closed",
        "block_actions",
        "shortcut",
        "message_action",
        "block_suggestion",
        "interactive_message",
        "dialog_submission",
        "workflow_step_edit",
        "url_verification",
        "app_rate_limited",
    ]
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path in a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places_in(inner, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], junk: Any, drop: bool) -> Any:
    value = copy.deepcopy(value)
    spot = value
    for name in path[:-1]:
        spot = spot[name]
    if drop:
        del spot[path[-1]]
    else:
        spot[path[-1]] = junk
    return value


async def nothing_breaks(space: Space, value: Any, *, as_json: bool) -> None:
    body = json.dumps(value).encode() if as_json else urlencode({"payload": json.dumps(value)}).encode()
    reply = await send(space, body, JSON if as_json else FORM)
    assert reply.status in (200, 400, 404), (reply.status, value)


@CALM
@given(value=JUNK, as_json=st.booleans())
async def test_arbitrary_json_is_no_server_error(shared: Space, value: Any, as_json: bool) -> None:
    """Any signed JSON gets 200, 400 or 404."""
    await nothing_breaks(shared, value, as_json=as_json)


@CALM
@given(kind=TYPES, value=st.dictionaries(NAMES, JUNK, max_size=6), as_json=st.booleans())
async def test_arbitrary_fields_are_no_server_error(
    shared: Space, kind: str, value: dict[str, Any], as_json: bool
) -> None:
    """Any signed payload of a type that Slack has gets 200, 400 or 404, whatever stands in its fields."""
    await nothing_breaks(shared, value | {"type": kind}, as_json=as_json)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@CALM
@given(data=st.data())
async def test_a_mutant_of_a_real_payload_is_no_server_error(shared: Space, kind: Any, data: st.DataObject) -> None:
    """A payload that we do listen to, with one or two places replaced or removed, gets 200, 400 or 404."""
    value = kind(shared)
    for _ in range(data.draw(st.integers(1, 2))):
        places = list(places_in(value))
        path = data.draw(st.sampled_from(places)) if places else ()
        if path:
            value = replaced(value, path, data.draw(JUNK), data.draw(st.booleans()))
    await nothing_breaks(shared, value, as_json=kind in (event, direct))


@CALM
@given(fields=st.dictionaries(NAMES | st.text(max_size=8), st.text(max_size=30), max_size=6), ours=st.booleans())
async def test_arbitrary_form_fields_are_no_server_error(shared: Space, fields: dict[str, str], ours: bool) -> None:
    """Any signed form gets 200, 400 or 404, with or without our command's name in it."""
    given_fields = fields | ({"command": "/community"} if ours else {})

    reply = await send(shared, urlencode(given_fields).encode())

    assert reply.status in (200, 400, 404), (reply.status, given_fields)


@CALM
@given(body=st.binary(max_size=60), kind=st.sampled_from([FORM, JSON]))
async def test_arbitrary_bytes_are_no_server_error(shared: Space, body: bytes, kind: str) -> None:
    """Any signed bytes get 200, 400 or 404."""
    assert (await send(shared, body, kind)).status in (200, 400, 404)


def samples(space: Space) -> Iterator[tuple[bytes, str]]:
    """Bodies with their content type: Slack's own, as far as they are at hand, and ours."""
    material = json.loads(MATERIAL.read_text())["cases"] if MATERIAL.exists() else []
    yield from ((case["raw"].encode(), FORM) for case in material if "raw" in case)
    for value in [case["payload"] for case in material if "payload" in case] + [kind(space) for kind in KINDS]:
        if isinstance(value, dict) and "event" in value:
            yield json.dumps(value).encode(), JSON
        else:
            yield urlencode({"payload": json.dumps(value)}).encode(), FORM


async def test_slacks_own_samples_are_no_server_error(shared: Space) -> None:
    """Every payload of the Bolt and SDK tests, signed and sent, gets 200, 400 or 404."""
    for body, kind in samples(shared):
        reply = await send(shared, body, kind)

        assert reply.status in (200, 400, 404), body


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

    await asyncio.sleep(0.3)
    (thread,) = space.threads
    assert {each.status for each in replies} == {200}
    assert all(f"/thread/{thread['Id']}/" in each.text for each in replies)


async def test_a_command_that_arrives_twice_is_one_thread(space: Space) -> None:
    """The same signed command sent twice posts once."""
    body = command(space)
    headers = space.sender.sign(body)

    replies = [await space.sender.raw(body, headers) for _ in range(2)]

    await asyncio.sleep(0.2)
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


# ── health and metrics ───────────────────────────────────────────────────────


async def get(space: Space, path: str, **headers: str) -> httpx.Response:
    return await space.sender.client.get(f"{space.url}{path}", headers=headers)


async def test_a_sound_bridge_is_alive_and_ready(space: Space) -> None:
    """/livez and /readyz answer 200, and tell nothing about hosts, accounts or people."""
    ready = await get(space, "/readyz")

    assert ((await get(space, "/livez")).status_code, ready.status_code) == (200, 200)
    for secret in ("space.example", "127.0.0.1", space.workspace.team_id, "redis", space.settings.prefix):
        assert secret not in ready.text


async def test_health_makes_no_calls(space: Space) -> None:
    """/readyz answers from what is remembered: neither the board nor Slack is asked."""
    before = effects(space)

    await get(space, "/readyz")
    await get(space, "/livez")

    assert effects(space) == before


async def test_a_bridge_without_redis_is_alive_and_not_ready(tmp_path: Path) -> None:
    """With Redis away, /readyz is 503 within its second, /livez 200; a post is told that it was not kept."""
    with contextlib.ExitStack() as server:
        url = server.enter_context(store.embedded(tmp_path))
        async with open_space(url, worker=False) as space:
            assert (await get(space, "/readyz")).status_code == 200
            server.close()

            ready, alive = await get(space, "/readyz"), await get(space, "/livez")
            metrics = await get(space, "/metrics")
            reply = await space.sender.command(ANA, POST)

    assert (ready.status_code, alive.status_code, metrics.status_code) == (503, 200, 200)
    assert reply.status == 200
    assert "We cannot be sure that your post was kept" in answer_text(reply)


async def test_a_rejected_login_is_not_ready(space: Space) -> None:
    """After the board rejected the login, /readyz is 503 and says so, without saying whose login it was."""
    space.board.logins["api@space.example"] = "changed"
    space.board.expire_access_tokens()
    space.board.expire_refresh_tokens()

    await space.sender.command(ANA, POST)

    deadline = time.monotonic() + 5
    while (ready := await get(space, "/readyz")).status_code != 503:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert "rejected" in ready.text
    assert "api@space.example" not in ready.text


@pytest.mark.parametrize("mood", ["down", "slow"])
async def test_a_board_that_is_away_is_named_and_no_reason(space: Space, mood: str) -> None:
    """A board that is slow or away is named in /readyz, which stays 200."""
    space.board.down = mood == "down"
    space.board.delay = 3.0 if mood == "slow" else 0.0

    await space.sender.command(ANA, POST)

    deadline = time.monotonic() + 6
    while (ready := await get(space, "/readyz")).json()["board"] == "ok":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert (ready.status_code, ready.json()["board"]) == (200, "away")


async def test_metrics_answer_on_loopback(space: Space) -> None:
    """/metrics is Prometheus text for this machine."""
    answer = await get(space, "/metrics")

    assert answer.status_code == 200
    assert "bridge_waiting" in answer.text


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"]
)
async def test_metrics_are_hidden_behind_a_proxy(space: Space, header: str) -> None:
    """A request that came through a proxy is from outside, though its connection is from loopback: 404."""
    assert (await get(space, "/metrics", **{header: "127.0.0.1"})).status_code == 404


@pytest.mark.parametrize(
    ("given_header", "status"),
    [
        ("Bearer s3cret", 200),
        ("Bearer S3cret", 404),
        ("s3cret", 404),
        ("Basic s3cret", 404),
        ("Bearer", 404),
        ("", 404),
        ("Bearer \u00e9", 404),
    ],
)
async def test_metrics_with_a_token(redis_url: str, redis: Redis, given_header: str, status: int) -> None:
    """With METRICS_TOKEN, only its bearer reads the metrics; everybody else, loopback too, gets 404."""
    async with open_space(redis_url, worker=False, metrics_token="s3cret") as space:
        answer = await space.sender.client.get(
            f"{space.url}/metrics", headers=[(b"authorization", given_header.encode())]
        )

        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/slack/events", 405),
        ("PUT", "/slack/events", 405),
        ("POST", "/slack/events/", 404),
        ("POST", "/livez", 405),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/files/none", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/slack/install", 404),
        ("GET", "/%00", 404),
    ],
)
async def test_there_are_no_other_doors(shared: Space, method: str, path: str, status: int) -> None:
    """What is not in the contract is not there."""
    answer = await shared.sender.client.request(method, f"{shared.url}{path}", follow_redirects=False)

    assert answer.status_code in (status, 307 if path.endswith("/") else status)


# ── what is not written down ─────────────────────────────────────────────────

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
