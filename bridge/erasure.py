"""Removing what is kept about one person, in their own posts and in other people's.

A post of somebody else that is still to be carried is left as it is: whom it mentions, credits or
invites is that person's to say. What has ended loses the mention, the credit and the guest.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from bridge.draft import Draft
from bridge.outbox import Outbox
from bridge.people import People

NOBODY = "UERASED"
_UNDER_WAY = ("kept", "sending")


@dataclass(frozen=True)
class Erased:
    """Own drafts that are gone, how many of them were on their way, and others' that still name the person.

    `known`: something else was removed, such as who they are on the board, or a mention in what has ended.
    """

    drafts: int
    on_their_way: int
    waiting: int
    known: bool

    def sentences(self, user: str) -> str:
        said = [self._removed(user)]
        if self.on_their_way:
            was = "was" if self.on_their_way == 1 else "were"
            said.append(f"{self.on_their_way} of them {was} on the way and may still appear on the board.")
        if self.waiting:
            one = self.waiting == 1
            posts, name, they = ("post", "names", "it has") if one else ("posts", "name", "they have")
            said.append(
                f"{self.waiting} {posts} of others still to be carried {name} {user}: erase again once {they} ended."
            )
        return " ".join(said)

    def _removed(self, user: str) -> str:
        if self.drafts:
            posts, was = ("post", "was") if self.drafts == 1 else ("posts", "were")
            known = ", and what was known of them" if self.known else ""
            return f"{self.drafts} kept {posts} of {user} {was} removed{known}."
        if self.known:
            return f"What was known of {user} was removed."
        return f"Nothing of {user}'s own was kept." if self.waiting else f"Nothing was kept about {user}."


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
    known = [await people.cache.remembered(f"{kind}:{user}") for kind in ("slack", "member")]
    await people.forget(user)
    scrubbed = await _scrub(outbox, re.compile(rf"(?<![A-Z0-9]){re.escape(user)}(?![A-Z0-9])"), user)
    return Erased(drafts, len(on_their_way), scrubbed.waiting, known=any(known) or scrubbed.places > 0)


class _Scrubbed(NamedTuple):
    """In how many places the person stood and stands no more, and how many waiting drafts still name them."""

    places: int
    waiting: int


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


async def _scrub(outbox: Outbox, naming: re.Pattern[str], user: str) -> _Scrubbed:
    waiting = places = 0
    async for key in _keys(outbox, "draft:*"):
        fields = await _fields(outbox, key)
        named = {name: text for name, text in fields.items() if naming.search(text)}
        if named and fields.get("state") in _UNDER_WAY:
            waiting += 1
        elif named:
            places += 1
            await _scrub_draft(outbox, key, named, naming, user)
    async for key in _keys(outbox, "source:*"):
        posted = await _fields(outbox, key)
        if gone := [id_ for id_, text in posted.items() if naming.search(text)]:
            places += await outbox.redis.hdel(key, *gone)
    async for key in _keys(outbox, "original:*"):
        text = cast("str | None", await outbox.redis.get(key))
        if text and naming.search(text):
            places += bool(await outbox.redis.set(key, naming.sub(NOBODY, text), keepttl=True))
    return _Scrubbed(places, waiting)


async def _scrub_draft(outbox: Outbox, key: str, named: dict[str, str], naming: re.Pattern[str], user: str) -> None:
    """Somebody else's draft that has ended: of its fields, those that name the person."""
    if text := named.pop("draft", None):
        named["draft"] = _without(Draft.from_json(text), naming, user).to_json()
    await outbox.redis.hset(key, mapping=_nameless(named, naming))


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
