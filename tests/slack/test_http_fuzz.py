"""Whatever is signed, however odd, never gets a 5xx: arbitrary JSON, fields, bytes, and mutants of real payloads."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.demo.slack.sender import FORM
from tests.support.material import cases
from tests.support.signed import EVENTS, JSON, KINDS, SURROGATE, direct, event, revoked, send, uninstalled
from tests.support.space import ANA, Space, until

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


async def nothing_fails(space: Space, value: Any) -> None:
    """Nothing breaks, and no task that the event set going either: its failure would be logged with what it met."""
    with capture_logs() as logs:
        await nothing_breaks(space, value, as_json=True)
        await until(lambda: not space.bridge.desk.tasks)
    assert [each for each in logs if each["event"] == "task_failed" and each["error"] != "CallFailed"] == [], value


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@CALM
@given(data=st.data())
async def test_a_mutant_of_an_event_fails_nowhere(shared: Space, kind: Any, data: st.DataObject) -> None:
    """An event with a place in it replaced or removed is acknowledged or refused, and nothing fails later."""
    value = kind(shared)
    places = [path for path in places_in(value) if path[0] in ("event", "team_id")]
    value = replaced(value, data.draw(st.sampled_from(places)), data.draw(JUNK), data.draw(st.booleans()))
    await nothing_fails(shared, value)


ODD: tuple[Any, ...] = (
    None,
    0,
    7,
    1.5,
    True,
    "",
    "bot",
    SURROGATE,
    [],
    ["bot"],
    [None],
    {},
    {"bot": None},
    {"bot": 7},
    {"bot": {"a": 1}},
)


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_odd_events_are_acknowledged(shared: Space, odd: Any) -> None:
    """Whatever stands for tokens, a profile, a user or an id: 200 or 400, and nothing fails later."""
    known = event(shared)["event"]["user"]
    await shared.bridge.desk.places.people.slack_profile(ANA)
    for value in (
        revoked(shared) | {"event": {"type": "tokens_revoked", "tokens": odd}},
        uninstalled(shared) | {"team_id": odd},
        *(
            event(shared) | {"event": {"type": "user_change", "user": user}}
            for user in (
                odd,
                known | {"profile": odd},
                known | {"profile": {"email": odd}},
                known | {"id": odd},
                known | {"enterprise_user": odd},
                known | {"enterprise_user": {"enterprise_id": "E1", "teams": odd}},
            )
        ),
    ):
        await nothing_fails(shared, value)


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
    material = cases("slack-payloads.json")
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
