"""The Slack app as data: made of the names that the listeners answer to, so that the two cannot drift apart.

https://docs.slack.dev/reference/app-manifest
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from bridge.desk.listeners import GLOBAL_SHORTCUT, MESSAGE_SHORTCUT
from bridge.post import attachment
from bridge.settings import environment

Manifest = dict[str, Any]

PLACEHOLDER = "https://YOUR-HOST"
TO_FILL_IN = """\
Do not paste this yet: the address in it, {url}, is only an example.
Print it again with the address where Slack will reach bridge (or set PUBLIC_URL):
    bridge manifest --url https://bridge.the-domain-of-your-space
No address that can be reached from the internet? Then bridge needs none:
    bridge manifest --socket-mode"""
NAME = "Community board"
COMMAND: str = environment.Settings.model_fields["slack_command"].default
NAME_LIMIT = 35
# The one route of ours that Slack speaks to.
ROUTE = "/slack/events"

# Each scope with its reason; nothing is asked for that is not used.
SCOPES: Mapping[str, str] = {
    "commands": "the slash command and both shortcuts",
    "users:read": "who asks: one of this workspace, a guest, a bot, deactivated",
    "users:read.email": "finds the same person on the board by their e-mail address",
    "chat:write": "tells the person what became of their post when the form is gone",
    "channels:read": "tells a public channel from any other, before a message leaves it",
    "im:history": "hears what is written to the app itself, to answer with help; no other conversation",
}

# Only with --files and --threads.
FILE_SCOPES: Mapping[str, str] = {attachment.SCOPE: "fetches the files of a message, to carry them across"}
THREAD_SCOPES: Mapping[str, str] = {
    "channels:history": "reads a thread in a public channel, when somebody carries all of it across",
    "groups:history": "reads a thread in a private channel that the app was invited to, likewise",
}

EVENTS: Mapping[str, str] = {
    "app_uninstalled": "stops, and forgets everybody",
    "message.im": "answers with help",
    "tokens_revoked": "stops, and forgets everybody",
    "user_change": "forgets whom somebody was, when their address changes",
}

_REASONS = {**SCOPES, **FILE_SCOPES, **THREAD_SCOPES, **EVENTS}

# Read as something else than text where they stand without quotes.
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def manifest(
    url: str | None,
    command: str,
    *,
    socket_mode: bool = False,
    files: bool = False,
    threads: bool = False,
    name: str = NAME,
) -> Manifest:
    """The app for this host; with `socket_mode` it has no address, and Slack wants none.

    `files` and `threads` ask for the scopes that these need. Raises ValueError with a sentence for the operator.
    """
    where = {} if socket_mode else {"request_url": _host(url) + ROUTE}
    scopes = [*SCOPES, *(FILE_SCOPES if files else ()), *(THREAD_SCOPES if threads else ())]
    return {
        "display_information": {
            "name": _name(name),
            "description": "Post from Slack to the members' discussion board.",
            "background_color": "#1f4b57",
        },
        "features": _features(name, command, where),
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "event_subscriptions": where | {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True} | where,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }


def _features(name: str, command: str, where: Mapping[str, str]) -> Manifest:
    return {
        "app_home": {
            "home_tab_enabled": False,
            "messages_tab_enabled": True,  # direct messages need it: the last way of telling somebody
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": name, "always_online": True},
        "shortcuts": _shortcuts(),
        "slash_commands": [_command(command, where)],
    }


def _shortcuts() -> list[Manifest]:
    return [
        {
            "name": "Post to community",
            "type": "message",
            "callback_id": MESSAGE_SHORTCUT,
            "description": "Carry this message to the members' discussion board",
        },
        {
            "name": "New community post",
            "type": "global",
            "callback_id": GLOBAL_SHORTCUT,
            "description": "Write to the members' discussion board",
        },
    ]


def _command(command: str, where: Mapping[str, str]) -> Manifest:
    if not environment.COMMAND.fullmatch(command):
        raise ValueError(f"The command {environment.COMMAND_RULE}")
    return {
        "command": command,
        **({"url": where["request_url"]} if where else {}),
        "description": "Post to the members' discussion board",
        "usage_hint": "[subject] | post Subject | Message #tag | status | whoami | help",
        # Mentions, channels and links then arrive as references that the conversion understands.
        "should_escape": True,
    }


def _name(name: str) -> str:
    if not name.strip() or len(name) > NAME_LIMIT:
        raise ValueError(f"The name must have 1 to {NAME_LIMIT} characters")
    return name


def _host(url: str | None) -> str:
    """The address without a slash at its end, and without our route where somebody gave it too."""
    url = (url or PLACEHOLDER).strip().rstrip("/").removesuffix(ROUTE)
    if not is_address(url):
        raise ValueError(
            "The address must begin with https:// and be one that Slack can reach, such as https://bridge.your-space.com"
        )
    host = urlsplit(url).hostname or ""
    if not is_placeholder(url) and is_out_of_reach(host):
        raise ValueError(f"Slack cannot reach {host}: give the public address of this host, or use --socket-mode")
    return url


def is_address(url: str) -> bool:
    """Whether this is an https address of a host alone, or of a folder on it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    bare = parts.username is None and not parts.query and not parts.fragment
    return parts.scheme == "https" and bool(parts.hostname) and bare and not re.search(r"\s", url)


def is_out_of_reach(host: str) -> bool:
    """This computer, a network of one's own, or a name that only such a network knows."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal", ".lan"))


def is_placeholder(url: str | None) -> bool:
    """Whether the address is still one from the instructions."""
    host = urlsplit(url or PLACEHOLDER).hostname or ""
    return re.search(r"(^|\.)(your-[a-z-]+|example)(\.|$)", host) is not None


def one_click(app: Manifest) -> str:
    """The address that opens Slack's own page with the app filled in, to look at and create."""
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(json.dumps(app, separators=(',', ':')))}"


def to_yaml(app: Manifest) -> str:
    """The manifest as an operator reads and pastes it, each scope and event with its reason."""
    return "\n".join(_lines(app, "")) + "\n"


def _lines(value: Mapping[str, Any] | list[Any], indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _nested(f"{indent}{key}:", each, indent + "  ")
        return
    for each in value:
        if isinstance(each, Mapping):
            first, *rest = _lines(each, indent + "  ")
            yield from [f"{indent}- {first.lstrip()}", *rest]
        else:
            reason = _REASONS.get(each)
            yield f"{indent}- {_scalar(each)}" + (f"  # {reason}" if reason else "")


def _nested(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = re.fullmatch(r"[A-Za-z][\w.:]*\w", value, re.ASCII) and value.lower() not in _WORDS_OF_YAML
    # A string of JSON is one of YAML.
    return value if plain else json.dumps(value, ensure_ascii=False)
