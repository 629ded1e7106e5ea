"""The manifest: that Slack would take it, and that every name in it is answered."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from redis.asyncio import Redis
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from typer.testing import CliRunner, Result

from bridge import slack
from bridge.__main__ import cli
from bridge.manifest import EVENTS, SCOPES, manifest, one_click, to_yaml
from tests.space import ANA, Space, open_space

HOST = "https://bridge.harbour.example"


def printed(*args: str, **env: str) -> Result:
    return CliRunner().invoke(cli, ["manifest", *args], env={"PUBLIC_URL": "", "SLACK_COMMAND": "", **env})


def read_yaml(text: str) -> Any:
    """A reader for the few forms of YAML that are written here, so that writing is proved by reading."""
    lines = [line for line in text.splitlines() if line.strip()]

    def scalar(text: str) -> Any:
        text = text.strip()
        if text.startswith('"'):
            value, end = json.JSONDecoder().raw_decode(text)
            assert text[end:].strip()[:1] in ("", "#")
            return value
        return {"true": True, "false": False}.get(text, text.split("  #")[0])

    def block(indent: int) -> Any:
        found: Any = None
        while lines and (depth := len(lines[0]) - len(lines[0].lstrip())) >= indent:
            assert depth == indent
            line = lines.pop(0).strip()
            if line.startswith("- "):
                found = found or []
                if ": " in line.split("  #")[0] and not line.startswith('- "'):
                    lines.insert(0, " " * (indent + 2) + line[2:])
                    found.append(block(indent + 2))
                else:
                    found.append(scalar(line[2:]))
            else:
                found = found or {}
                key, _, rest = line.partition(":")
                found[key] = scalar(rest) if rest.strip() else block(indent + 2)
        return found

    return block(0)


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url, worker=False) as opened:
        yield opened


# ── the command ──────────────────────────────────────────────────────────────


def test_the_yaml_says_what_the_manifest_holds() -> None:
    """What is printed reads back as the very manifest, for every shape of it."""
    for socket_mode in (False, True):
        app = manifest(HOST, "/community", socket_mode=socket_mode, name='Say: "yes" # not no')
        assert read_yaml(to_yaml(app)) == app


def test_it_needs_no_setting() -> None:
    """With nothing set it prints a manifest whose address is to be filled in."""
    result = printed()

    assert result.exit_code == 0
    assert read_yaml(result.stdout) == manifest(None, "/community")
    assert "https://YOUR-HOST/slack/events" in result.stdout
    assert result.stderr == ""


def test_the_address_comes_from_the_environment_or_the_option() -> None:
    """PUBLIC_URL is the default of --url, SLACK_COMMAND that of --command; a last slash makes no difference."""
    by_environment = printed(PUBLIC_URL=f"{HOST}/", SLACK_COMMAND="/board")
    by_option = printed("--url", HOST, "--command", "/board", PUBLIC_URL="https://other.example")

    assert read_yaml(by_environment.stdout) == read_yaml(by_option.stdout) == manifest(HOST, "/board")


@pytest.mark.parametrize(
    "args",
    [
        ("--url", "http://bridge.example"),
        ("--url", "bridge.example"),
        ("--url", "https://"),
        ("--command", "community"),
        ("--command", "/two words"),
        ("--command", "/" + "a" * 32),
        ("--name", ""),
        ("--name", "a" * 36),
    ],
)
def test_what_slack_would_refuse_is_refused_here(args: tuple[str, ...]) -> None:
    """An address, a command or a name that Slack would not take ends with 2 and one line."""
    result = printed(*args)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_the_link_opens_the_same_app() -> None:
    """The one-click link carries the whole manifest to Slack's own page."""
    link = urlsplit(one_click(manifest(HOST, "/community")))

    assert (link.scheme, link.netloc, link.path) == ("https", "api.slack.com", "/apps")
    assert json.loads(parse_qs(link.query)["manifest_json"][0]) == manifest(HOST, "/community")
    assert one_click(manifest(HOST, "/community")) in printed("--url", HOST).stderr


# ── Slack's rules ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("socket_mode", [False, True])
def test_slacks_limits_are_kept(socket_mode: bool) -> None:
    """https://docs.slack.dev/reference/app-manifest: lengths and counts."""
    app = manifest(HOST, "/community", socket_mode=socket_mode)
    information, features = app["display_information"], app["features"]

    assert len(information["name"]) <= 35
    assert len(information["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    for kind in ("message", "global"):
        assert len([each for each in features["shortcuts"] if each["type"] == kind]) <= 5
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert len(shortcut["callback_id"]) <= 255
    (command,) = features["slash_commands"]
    assert len(command["command"]) <= 32
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000
    assert command["should_escape"] is True


def test_socket_mode_has_no_address() -> None:
    """Slack takes no address together with Socket Mode, and asks for one everywhere without it."""
    assert "https://" not in json.dumps(manifest(HOST, "/community", socket_mode=True))
    assert json.dumps(manifest(HOST, "/community")).count(f"{HOST}/slack/events") == 3


def test_every_scope_has_its_reason() -> None:
    """No scope is asked for without saying why, none that reads conversations of people among them."""
    listed = [line for line in printed().stdout.splitlines() if line.strip()[2:].split("  #")[0] in SCOPES]

    assert len(listed) == len(SCOPES)
    assert all("  # " in line for line in listed)
    assert not {"channels:history", "groups:history", "mpim:history", "groups:read"} & set(SCOPES)


# ── the listeners' names ─────────────────────────────────────────────────────

EVENT_BODIES: dict[str, dict[str, Any]] = {
    "app_uninstalled": {"type": "app_uninstalled"},
    "message.im": {"type": "message", "channel": "D0ANA", "channel_type": "im", "user": ANA, "text": "hello"},
    "tokens_revoked": {"type": "tokens_revoked", "tokens": {"bot": []}},
    "user_change": {"type": "user_change", "user": {"id": ANA, "team_id": "T0BRIDGE"}},
}


async def test_every_event_is_answered(space: Space) -> None:
    """Each event that the manifest subscribes to reaches a listener; one that it does not, reaches none."""
    assert set(EVENT_BODIES) == set(EVENTS)
    for event in [*EVENT_BODIES.values(), {"type": "app_mention", "user": ANA, "text": "hello", "channel": "C1"}]:
        body = {"type": "event_callback", "team_id": "T0BRIDGE", "event_id": "Ev1", "event": event}
        answer = await space.bridge.bolt.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))

        assert answer.status == (404 if event["type"] == "app_mention" else 200), event["type"]


async def test_every_listener_to_an_event_is_subscribed(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """No listener waits for an event that the manifest does not ask Slack for."""
    heard: list[str] = []
    really = AsyncApp.event

    def listening(app: AsyncApp, event: str, *rest: Any) -> Any:
        heard.append(event)
        return really(app, event, *rest)

    monkeypatch.setattr(AsyncApp, "event", listening)
    slack.build(space.bridge.desk, "/community")

    assert sorted(heard) == sorted(name.partition(".")[0] for name in EVENTS)


async def test_every_callback_is_answered(space: Space) -> None:
    """The command and both shortcuts of the manifest reach a listener each."""
    features = manifest(HOST, space.settings.slack_command)["features"]
    (command,) = features["slash_commands"]
    bodies = [{"command": command["command"], "user_id": ANA, "team_id": "T0BRIDGE", "text": ""}]
    for shortcut in features["shortcuts"]:
        kind = "message_action" if shortcut["type"] == "message" else "shortcut"
        bodies.append({"type": kind, "callback_id": shortcut["callback_id"], "team": {"id": "T0BRIDGE"}})

    assert [await _listeners_for(space, body) for body in bodies] == [
        ["used_the_command"],
        ["shared_a_message"],
        ["began_a_post"],
    ]


async def _listeners_for(space: Space, body: dict[str, Any]) -> list[str]:
    request = AsyncBoltRequest(body=body, mode="socket_mode")
    space.bridge.bolt._init_context(request)
    matching = []
    for listener in space.bridge.bolt._async_listeners:
        if await listener.async_matches(req=request, resp=BoltResponse(status=200)):
            matching.append(listener.ack_function.__name__)
    return matching
