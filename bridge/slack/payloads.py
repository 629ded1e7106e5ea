"""Slack's payloads taken apart: who acted, where, and how they can be answered. Pure, but for the clock.

`name` and `username` are not to be trusted; ids are opaque.
https://docs.slack.dev/reference/interaction-payloads
"""

import time
from collections.abc import Mapping
from typing import Any

from bridge.post.draft import Origin

Payload = Mapping[str, Any]

# Characters of a command that are shown again: a message has 50 blocks, and two that follow each other hold 2,900.
# https://docs.slack.dev/reference/block-kit/blocks
MOST_SHOWN = 65_000


def actor(body: Payload) -> dict[str, str]:
    """Who acted: `user.id` with its own team, which in a shared channel may be a foreign one."""
    user = body.get("user") or {}
    team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
    return {"team": str(team), "user": str(user.get("id") or "")}


def domain(body: Payload) -> str | None:
    domain = (body.get("team") or {}).get("domain")
    return str(domain) if domain else None


def command_origin(body: Payload) -> Origin:
    return Origin(
        team=str(body.get("team_id") or ""),
        user=str(body.get("user_id") or ""),
        asked_at=time.time(),
        channel=str(body.get("channel_id") or "") or None,
        response_url=str(body.get("response_url") or "") or None,
        team_domain=str(body.get("team_domain") or "") or None,
    )


def message_origin(body: Payload) -> Origin:
    message = body.get("message") or {}
    return Origin(
        **actor(body),
        asked_at=time.time(),
        channel=str((body.get("channel") or {}).get("id") or "") or None,
        response_url=str(body.get("response_url") or "") or None,
        message_ts=str(body.get("message_ts") or message.get("ts") or "") or None,
        thread_ts=str(message.get("thread_ts") or "") or None,
        team_domain=domain(body),
    )


def reply_origin(body: Payload) -> Origin:
    channel = (body.get("container") or {}).get("channel_id") or (body.get("channel") or {}).get("id")
    return Origin(
        **actor(body),
        asked_at=time.time(),
        channel=channel,
        response_url=reply_to(body),
        view=str((body.get("view") or {}).get("id") or "") or None,
        team_domain=domain(body),
    )


def reply_to(body: Payload) -> str | None:
    url = body.get("response_url")
    return str(url) if url else None


def pressed(body: Payload) -> str:
    actions = body.get("actions") or [{}]
    return str(actions[0].get("value") or "")


def person(body: Payload) -> str:
    """The id of whoever does something; "" for events, which are about somebody and done by nobody."""
    user = body.get("user")
    return str((user.get("id") if isinstance(user, Mapping) else body.get("user_id")) or "")


def typed(body: Payload) -> str:
    """What somebody typed behind a command, as Slack has escaped it, to be shown to them again."""
    text = str(body.get("text") or "")
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
