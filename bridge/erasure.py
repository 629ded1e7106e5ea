"""Removing what is kept about one person, in their own posts and in other people's.

A post of somebody else that is still to be carried is left as it is: whom it mentions, credits or
invites is that person's to say. What has ended loses the mention, the credit and the guest.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, cast

from bridge.draft import Draft
from bridge.outbox import Outbox
from bridge.people import People

NOBODY = "UERASED"
_UNDER_WAY = ("kept", "sending")


@dataclass(frozen=True)
class Erased:
    """Own drafts that are gone, how many of them were on their way, and others' that still name the person."""

    drafts: int
    on_their_way: int
    waiting: int

    def sentences(self, user: str) -> str:
        said = [f"{self.drafts} kept post{'s' if self.drafts != 1 else ''} of {user} removed, and who they are."]
        if self.on_their_way:
            said.append(f"{self.on_their_way} of them was on its way and may still appear on the board.")
        if self.waiting:
            said.append(
                f"Posts of other people that wait and name {user}: {self.waiting}; erase again once they ended."
            )
        return " ".join(said)


def is_user_id(text: str) -> bool:
    """Whether this can be a Slack person's id. https://docs.slack.dev/reference/objects/user-object"""
    return re.fullmatch(r"[UW][A-Z0-9]{2,}", text) is not None


async def erase(outbox: Outbox, people: People, user: str) -> Erased:
    """Remove every draft and every memory of a Slack person, whatever their team. Slack is not asked."""
    teams = await _teams(outbox, user)
    on_their_way = [
        each for team in teams for each in await outbox.latest(team, user, 10**6) if each.state == "sending"
    ]
    drafts = sum([await outbox.erase(team, user) for team in sorted(teams)])
    await people.forget(user)
    naming = re.compile(rf"(?<![A-Z0-9]){re.escape(user)}(?![A-Z0-9])")
    return Erased(drafts, len(on_their_way), await _scrub(outbox, naming, user))


async def _teams(outbox: Outbox, user: str) -> set[str]:
    """Where they posted from; drafts that outlived the list of their person's are put back into it."""
    teams = {key.split(":")[-2] async for key in _keys(outbox, f"mine:*:{user}")}
    async for key in _keys(outbox, "draft:*"):
        fields = await _fields(outbox, key)
        origin = Draft.from_json(fields["draft"]).origin if "draft" in fields else None
        if origin and origin.user == user:
            await outbox.redis.zadd(f"{outbox.prefix}mine:{origin.team}:{user}", {fields["id"]: 0}, nx=True)
            teams.add(origin.team)
    return teams


async def _scrub(outbox: Outbox, naming: re.Pattern[str], user: str) -> int:
    waiting = 0
    async for key in _keys(outbox, "draft:*"):
        waiting += await _scrub_draft(outbox, key, naming, user)
    async for key in _keys(outbox, "source:*"):
        posted = await _fields(outbox, key)
        if gone := [id_ for id_, text in posted.items() if naming.search(text)]:
            await outbox.redis.hdel(key, *gone)
    async for key in _keys(outbox, "original:*"):
        text = cast("str | None", await outbox.redis.get(key))
        if text and naming.search(text):
            await outbox.redis.set(key, naming.sub(NOBODY, text), keepttl=True)
    return waiting


async def _scrub_draft(outbox: Outbox, key: str, naming: re.Pattern[str], user: str) -> bool:
    """Answers whether this draft of somebody else still names the person, because it is to be carried."""
    fields = await _fields(outbox, key)
    named = {name: text for name, text in fields.items() if naming.search(text)}
    if not named or fields.get("state") in _UNDER_WAY:
        return bool(named)
    if text := named.pop("draft", None):
        named["draft"] = _without(Draft.from_json(text), naming, user).to_json()
    await outbox.redis.hset(key, mapping=_nameless(named, naming))
    return False


def _nameless(fields: dict[str, str], naming: re.Pattern[str]) -> Any:
    return {name: naming.sub(NOBODY, text) for name, text in fields.items()}


def _without(draft: Draft, naming: re.Pattern[str], user: str) -> Draft:
    message = json.loads(naming.sub(NOBODY, json.dumps(draft.message)))
    guests = tuple(each for each in draft.guests if each != user)
    return replace(draft, message=tuple(message), guests=guests, credit=None if draft.credit == user else draft.credit)


async def _keys(outbox: Outbox, pattern: str) -> AsyncIterator[str]:
    # Nothing in a prefix means anything to MATCH.
    async for key in outbox.redis.scan_iter(match=outbox.prefix + pattern, count=500):
        yield str(key)


async def _fields(outbox: Outbox, key: str) -> dict[str, str]:
    return cast("dict[str, str]", await outbox.redis.hgetall(key))
