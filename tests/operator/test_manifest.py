"""The manifest: that Slack would take it, and that every name in it is answered."""

import json
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from typer.testing import CliRunner, Result

from bridge.__main__ import cli
from bridge.desk import app
from bridge.operator.manifest import EVENTS, SCOPES, manifest, one_click, to_yaml
from tests.support.space import ANA, Space

HOST = "https://bridge.harbour.test"
EVERY_SHAPE: list[dict[str, Any]] = [
    dict(zip(("socket_mode", "files", "threads"), each, strict=True)) for each in product((False, True), repeat=3)
]


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


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # nobody's .env


# ── the command ──────────────────────────────────────────────────────────────


def test_the_yaml_says_what_the_manifest_holds() -> None:
    """What is printed reads back as the very manifest, for every shape of it."""
    for options in EVERY_SHAPE:
        app = manifest(HOST, "/community", **options, name='Say: "yes" # not no')
        assert read_yaml(to_yaml(app)) == app


def test_it_needs_no_setting() -> None:
    """With nothing set it prints a manifest whose address is to be filled in."""
    result = printed()

    assert result.exit_code == 0
    assert read_yaml(result.stdout) == manifest(None, "/community")
    assert "https://YOUR-HOST/slack/events" in result.stdout


async def test_the_address_comes_from_the_env_file(tmp_path: Path) -> None:
    """PUBLIC_URL and SLACK_COMMAND of `.env` count, whatever else there is missing, wrong or unreadable."""
    (tmp_path / ".env").write_text(f"PUBLIC_URL={HOST}\nSLACK_COMMAND=/board\nPORT=many\nNEXUDUS_URL=http://x\nwhat\n")

    assert read_yaml(printed().stdout) == manifest(HOST, "/board")
    assert read_yaml(printed(SLACK_COMMAND="/other").stdout) == manifest(HOST, "/other")
    assert read_yaml(printed("--url", "https://else.test").stdout) == manifest("https://else.test", "/board")


def test_an_unreadable_env_file_is_no_reason_to_stop(tmp_path: Path) -> None:
    """The manifest needs no setting; what is wrong with the file is for other commands to say."""
    (tmp_path / ".env").write_bytes(b"PUBLIC_URL=\xff\xfe")

    assert read_yaml(printed("--url", HOST).stdout) == manifest(HOST, "/community")


@pytest.mark.parametrize("url", [None, "https://your-host", "https://YOUR-HOST/", "https://bridge.your-space.com"])
def test_a_placeholder_is_told(url: str | None) -> None:
    """An address out of the instructions gives the file, and a word that it is not the real one yet; no link."""
    result = printed(*(["--url", url] if url else []))

    assert result.exit_code == 0
    assert "Do not paste this yet" in result.stderr
    assert "one-click" not in result.stderr
    assert "api.slack.com/apps?" not in result.stderr


def test_the_file_comes_first_and_the_link_last() -> None:
    """The link is thousands of characters long: in a terminal it must not push the file out of sight."""
    result = printed("--url", HOST)

    assert result.output.startswith("display_information:")
    assert result.stderr.splitlines()[-1] == one_click(manifest(HOST, "/community"))
    assert all(len(line) < 200 for line in result.output.splitlines()[:-1])


def test_an_address_may_be_given_with_our_route() -> None:
    """Somebody who copies the whole address that Slack calls gets the same file."""
    assert manifest(f"{HOST}/slack/events", "/community") == manifest(HOST, "/community")


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
        ("--url", "https://x:abc"),
        ("--url", "https://x:99999"),
        ("--url", "https://[x"),
        ("--url", "https://bridge harbour.test"),
        ("--url", "https://bridge.harbour.test\n/x"),
        ("--url", "https://me:secret@bridge.harbour.test"),
        ("--url", "https://bridge.harbour.test?x=1"),
        ("--url", "https://localhost"),
        ("--url", "https://localhost:3000"),
        ("--url", "https://127.0.0.1"),
        ("--url", "https://[::1]:3000"),
        ("--url", "https://0.0.0.0"),
        ("--url", "https://192.168.1.7"),
        ("--url", "https://bridge"),
        ("--url", "https://bridge.local"),
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
    assert "Traceback" not in result.stderr


def test_socket_mode_minds_no_address() -> None:
    """What Slack could not reach does not matter where Slack calls nobody."""
    result = printed("--socket-mode", "--url", "https://localhost")

    assert read_yaml(result.stdout) == manifest(None, "/community", socket_mode=True)
    assert "Do not paste" not in result.stderr
    assert one_click(manifest(None, "/community", socket_mode=True)) in result.stderr


def test_an_address_that_is_not_used_is_told() -> None:
    """In Socket Mode --url changes nothing; PUBLIC_URL may stand there for the files."""
    assert f"{HOST} is not used" in printed("--socket-mode", "--url", HOST).stderr
    assert "is not used" not in printed("--socket-mode", PUBLIC_URL=HOST).stderr


def test_files_need_an_address_in_socket_mode_too() -> None:
    """The board fetches them, whoever calls whom in Slack."""
    assert "Files also need PUBLIC_URL" in printed("--socket-mode", "--files").stderr
    assert "need PUBLIC_URL" not in printed("--socket-mode", "--files", PUBLIC_URL=HOST).stderr
    assert "need PUBLIC_URL" not in printed("--socket-mode").stderr


def test_a_public_address_with_a_path_is_a_wrong_setting() -> None:
    """As with every command: else the app would have another address than bridge."""
    result = printed(PUBLIC_URL=f"{HOST}/slack/events")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("PUBLIC_URL: is the address without a path. Example: PUBLIC_URL=https://")


def test_the_link_opens_the_same_app() -> None:
    """The one-click link carries the whole manifest to Slack's own page."""
    link = urlsplit(one_click(manifest(HOST, "/community")))

    assert (link.scheme, link.netloc, link.path) == ("https", "api.slack.com", "/apps")
    assert json.loads(parse_qs(link.query)["manifest_json"][0]) == manifest(HOST, "/community")
    assert one_click(manifest(HOST, "/community")) in printed("--url", HOST).stderr


# ── Slack's rules ────────────────────────────────────────────────────────────


# reference/app-manifest: every key that Slack knows and we use, and how long a text may be (None: no text).
KNOWN: dict[str, dict[str, int | None]] = {
    "display_information": {"name": 35, "description": 140, "background_color": 7},
    "features": dict.fromkeys(("app_home", "bot_user", "shortcuts", "slash_commands")),
    "oauth_config": {"scopes": None},
    "settings": dict.fromkeys(
        (
            *("event_subscriptions", "interactivity", "org_deploy_enabled"),
            *("socket_mode_enabled", "token_rotation_enabled"),
        )
    ),
}
# Which scope an event is sent under; the others need none.
NEEDS = {"user_change": "users:read", "message.im": "im:history"}


@pytest.mark.parametrize("options", EVERY_SHAPE, ids=str)
def test_slacks_rules_are_kept(options: dict[str, Any]) -> None:
    """https://docs.slack.dev/reference/app-manifest: names, lengths, counts, and an address just where one belongs."""
    app = manifest(HOST, "/community", **options)

    assert set(app) == set(KNOWN)
    for part, keys in KNOWN.items():
        assert set(app[part]) == set(keys)
        assert all(limit is None or len(app[part][key]) <= limit for key, limit in keys.items())
    assert set(app["features"]["app_home"]) == {
        *("home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"),
    }
    assert len(app["features"]["bot_user"]["display_name"]) <= 80
    assert app["settings"]["socket_mode_enabled"] is options["socket_mode"]
    for place in (app["settings"]["event_subscriptions"], app["settings"]["interactivity"]):
        assert place.get("request_url") == (None if options["socket_mode"] else f"{HOST}/slack/events")
    assert app["settings"]["interactivity"]["is_enabled"] is True


@pytest.mark.parametrize("options", EVERY_SHAPE, ids=str)
def test_slack_takes_the_shortcuts_and_the_command(options: dict[str, Any]) -> None:
    """At most five shortcuts of a kind, with short names; one command whose references arrive escaped."""
    features = manifest(HOST, "/community", **options)["features"]

    for kind in ("message", "global"):
        assert len([each for each in features["shortcuts"] if each["type"] == kind]) <= 5
    for shortcut in features["shortcuts"]:
        assert set(shortcut) == {"name", "type", "callback_id", "description"}
        assert (len(shortcut["name"]) <= 24, len(shortcut["description"]) <= 150) == (True, True)
        assert len(shortcut["callback_id"]) <= 255
    (command,) = features["slash_commands"]
    assert ("url" in command) is not options["socket_mode"]
    assert len(command["command"]) <= 32
    assert (len(command["description"]) <= 2000, len(command["usage_hint"]) <= 1000) == (True, True)
    assert command["should_escape"] is True


@pytest.mark.parametrize("options", EVERY_SHAPE, ids=str)
def test_no_scope_is_asked_for_in_vain(options: dict[str, Any]) -> None:
    """What is always needed; files and threads add theirs and nothing else; each event has the scope it needs."""
    app = manifest(HOST, "/community", **options)
    scopes = app["oauth_config"]["scopes"]["bot"]

    assert app["oauth_config"]["scopes"] == {"bot": scopes}
    assert len(set(scopes)) == len(scopes)
    assert set(scopes) - set(SCOPES) == {
        *(("files:read",) if options["files"] else ()),
        *(("channels:history", "groups:history") if options["threads"] else ()),
    }
    assert {"commands", "users:read", "users:read.email", "chat:write"} <= set(SCOPES) <= set(scopes)
    assert app["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert {NEEDS[each] for each in EVENTS if each in NEEDS} <= set(scopes)


def test_socket_mode_has_no_address() -> None:
    """Slack takes no address together with Socket Mode, and asks for one everywhere without it."""
    assert "https://" not in json.dumps(manifest(HOST, "/community", socket_mode=True))
    assert json.dumps(manifest(HOST, "/community")).count(f"{HOST}/slack/events") == 3


@pytest.mark.parametrize("options", EVERY_SHAPE, ids=str)
def test_every_scope_and_event_has_its_reason(options: dict[str, Any]) -> None:
    """As a comment beside it; and none that reads people's conversations unless threads were asked for."""
    args = [f"--{name.replace('_', '-')}" for name, wanted in options.items() if wanted]
    result = printed(*args)
    app = read_yaml(result.stdout)

    assert app == manifest(None, "/community", **options)
    asked = [*app["oauth_config"]["scopes"]["bot"], *app["settings"]["event_subscriptions"]["bot_events"]]
    for name in asked:
        (line,) = [each for each in result.stdout.splitlines() if each.strip().split("  #")[0] == f"- {name}"]
        assert len(line.partition("  # ")[2]) > 10
    reading = {"channels:history", "groups:history", "mpim:history", "groups:read"} & set(asked)
    assert bool(reading) is options["threads"]


# ── the listeners' names ─────────────────────────────────────────────────────

EVENT_BODIES: dict[str, dict[str, Any]] = {
    "app_uninstalled": {"type": "app_uninstalled"},
    "message.im": {"type": "message", "channel": "D0ANA", "channel_type": "im", "user": ANA, "text": "hello"},
    "tokens_revoked": {"type": "tokens_revoked", "tokens": {"bot": []}},
    "user_change": {"type": "user_change", "user": {"id": ANA, "team_id": "T0BRIDGE"}},
}


async def test_every_event_is_answered(resting: Space) -> None:
    """Each event that the manifest subscribes to reaches a listener; one that it does not, reaches none."""
    assert set(EVENT_BODIES) == set(EVENTS)
    for event in [*EVENT_BODIES.values(), {"type": "app_mention", "user": ANA, "text": "hello", "channel": "C1"}]:
        body = {"type": "event_callback", "team_id": "T0BRIDGE", "event_id": "Ev1", "event": event}
        answer = await resting.bridge.bolt.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))

        assert answer.status == (404 if event["type"] == "app_mention" else 200), event["type"]


async def test_every_listener_to_an_event_is_subscribed(resting: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """No listener waits for an event that the manifest does not ask Slack for."""
    heard: list[str] = []
    really = AsyncApp.event

    def listening(app: AsyncApp, event: str, *rest: Any) -> Any:
        heard.append(event)
        return really(app, event, *rest)

    monkeypatch.setattr(AsyncApp, "event", listening)
    app.build(resting.bridge.desk, "/community")

    assert sorted(heard) == sorted(name.partition(".")[0] for name in EVENTS)


@pytest.mark.parametrize("options", EVERY_SHAPE[::7], ids=str)
async def test_every_callback_is_answered(resting: Space, options: dict[str, Any]) -> None:
    """The command and both shortcuts of the manifest reach a listener each, in the barest and the fullest shape."""
    features = manifest(HOST, resting.settings.slack_command, **options)["features"]
    (command,) = features["slash_commands"]
    bodies = [{"command": command["command"], "user_id": ANA, "team_id": "T0BRIDGE", "text": ""}]
    for shortcut in features["shortcuts"]:
        kind = "message_action" if shortcut["type"] == "message" else "shortcut"
        bodies.append({"type": kind, "callback_id": shortcut["callback_id"], "team": {"id": "T0BRIDGE"}})

    assert [await _listeners_for(resting, body) for body in bodies] == [
        ["used_the_command"],
        ["shared_a_message"],
        ["began_a_post"],
    ]


async def _listeners_for(resting: Space, body: dict[str, Any]) -> list[str]:
    request = AsyncBoltRequest(body=body, mode="socket_mode")
    resting.bridge.bolt._init_context(request)
    matching = []
    for listener in resting.bridge.bolt._async_listeners:
        if await listener.async_matches(req=request, resp=BoltResponse(status=200)):
            matching.append(listener.ack_function.__name__)
    return matching
