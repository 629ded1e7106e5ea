"""Requests as Slack signs them, one of each kind, and what a request may have done."""

import json
import time
from collections.abc import Sized
from typing import Any
from urllib.parse import urlencode

from bridge.demo.slack.sender import FORM, Reply
from tests.support.space import ANA, Space, until

JSON = "application/json"
POST = "post Coffee is back | The machine works again"
SURROGATE = "\ud800 half a pair"


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


def revoked(space: Space) -> dict[str, Any]:
    return event(space) | {"event": {"type": "tokens_revoked", "tokens": {"oauth": [ANA], "bot": ["U0BRIDGE"]}}}


def uninstalled(space: Space) -> dict[str, Any]:
    return event(space) | {"event": {"type": "app_uninstalled"}}


EVENTS = (event, direct, revoked, uninstalled)
KINDS = (shortcut, message_shortcut, submission, closing, pressed, more, moved, again, event, direct)
