"""What an open form is given after it opened: locations, groups, warnings, earlier posts; and what it remembers.

The form opens from the payload alone. Everything here may be slow or fail without closing it.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import structlog
from redis.exceptions import RedisError

from bridge import sentences, words
from bridge.draft import Draft, Entry, Limits, Origin, Problem
from bridge.filled import FormMemory
from bridge.form import Form, form_view
from bridge.nexudus import NexudusError
from bridge.outbox import Outbox
from bridge.people import NotAllowed, SlackAway
from bridge.places import Places
from bridge.webapi import CallFailed, WebApi

log = structlog.get_logger()

# What a look-up may end in while Slack, the board or Redis is away: never a refusal.
AWAY = (SlackAway, NexudusError, RedisError)

# A form lives no longer than a day; what it needs remembered neither.
FORM_LIFE = 86400
# Seconds that a look-up may take before a form opens.
QUICK = 0.3
MOST_UNNAMED = 40
# How many characters of somebody's message are put into the field to be edited.
PREFILL = 3000


@dataclass(frozen=True)
class Furnishing:
    """Forms of one workspace, by the rules of this space."""

    api: WebApi
    outbox: Outbox
    places: Places
    limits: Limits = field(default_factory=Limits)
    private_sources: Literal["allow", "warn", "forbid"] = "warn"

    async def form_from_message(self, origin: Origin, message: Mapping[str, Any]) -> Form:
        """A form that carries a Slack message: prefilled where Slack takes it back, else attached whole."""
        names, unnamed = await self._names(message)
        plain = words.to_plain(message.get("blocks"), str(message.get("text") or ""), names)
        rich, too_long = words.as_rich_text(message, names, PREFILL)
        author = str(message.get("user") or "") or None
        original = await self._keep_original(message) if too_long else None
        left = _file_names(message)
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if too_long else []
        notes += [sentences.FILES_STAY.format(files=words.escape(", ".join(left)))] if left else []
        return Form(
            origin,
            subject=words.first_line(plain, min(120, self.limits.subject)),
            message=rich,
            credit=author if author != origin.user else None,
            original=original,
            left=left,
            unnamed=unnamed,
            notes=tuple(notes),
        )

    async def prefill(self, message: Mapping[str, Any], limit: int) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """Somebody's words as Slack takes them back, and the people whose ids stand in them for want of names."""
        names, unnamed = await self._names(message)
        return words.as_rich_text(message, names, limit)[0], unnamed

    async def _names(self, message: Mapping[str, Any]) -> tuple[words.Names, tuple[str, ...]]:
        """Names for the field, as far as they are known in a moment; ids stand for the others until delivery."""
        needed = words.mentioned_in(message)
        if not (needed.users or needed.channels):
            return words.Names(), ()
        looking = asyncio.create_task(self.places.people.names(needed))
        done, _ = await asyncio.wait([looking], timeout=QUICK)
        known = looking.result() if done else words.Names()
        # The form remembers them in a field of 3,000 characters.
        unnamed = tuple(sorted(needed.users - known.users.keys()))[:MOST_UNNAMED]
        return replace(known, users={**{user: user for user in unnamed}, **known.users}), unnamed

    async def _keep_original(self, message: Mapping[str, Any]) -> str | None:
        kept = {name: message[name] for name in ("text", "blocks", "attachments", "files", "ts") if name in message}
        name = f"original:{message.get('ts')}:{time.time_ns():x}"
        try:
            # The trigger lives three seconds: a store that is slow must not keep the form from opening.
            async with asyncio.timeout(QUICK):
                await self.outbox.redis.set(self.outbox.prefix + name, json.dumps(kept), ex=FORM_LIFE)
        except (RedisError, TimeoutError):
            return None
        return name

    async def with_original(self, draft: Draft, memory: FormMemory) -> Draft | Problem:
        """The draft with the kept message below what was typed; a problem rather than without it."""
        if memory.original is None or not memory.original.startswith("original:"):
            return draft
        try:
            text = await self.outbox.redis.get(self.outbox.prefix + memory.original)
        except RedisError:
            return Problem("message", "store_away")
        if not text:
            return Problem("message", "original_gone")
        return replace(draft, message=(*draft.message, {"original": json.loads(text)}))

    def with_what_is_known(self, form: Form) -> Form:
        return replace(form, may_choose=self.places.people.rules.may_choose_instant(form.origin.user))

    async def furnish(self, view: str, form: Form, version: str | None) -> None:
        """Bring what had to be looked up into the open form: locations, groups, warnings, earlier posts.

        `version` is the view's hash: a form that was sent meanwhile shows its report and is left alone.
        """
        form = self.with_what_is_known(replace(form, origin=replace(form.origin, view=view)))
        places, notes = await asyncio.gather(self._places(form), self._notes(form))
        notes = [*form.notes, *places.pop("notes", ()), *notes]
        form = replace(form, **places, notes=tuple(dict.fromkeys(notes)))
        if await self._show(form, version) == "hash_conflict":
            # Our own change of the form may have come in between; anybody else's is not known here.
            newer = (await self._shape(form.origin)).get("version")
            if newer and newer != version:
                await self._show(form, newer)

    async def _show(self, form: Form, version: str | None) -> str:
        """Redraw the form; the blocks keep their ids, so Slack keeps what was typed. Answers Slack's error."""
        shape = await self._shape(form.origin)
        form = replace(form, more=form.more or shape.get("more") == "1")
        return await self.update(form.origin, form_view(form), version)

    async def update(self, origin: Origin, view: Mapping[str, Any], version: str | None) -> str:
        """views.update, if the view is still at `version`; remembers the new one. Answers Slack's error."""
        try:
            answer = await self.api.call("views.update", view_id=origin.view, view=view, hash=version)
        except CallFailed as failed:
            log.info("form_not_redrawn", error=failed.error)
            return failed.error
        await self.remember(origin, version=str((answer.get("view") or {}).get("hash") or ""))
        return ""

    async def _places(self, form: Form) -> dict[str, Any]:
        user = form.origin.user
        shape = await self._shape(form.origin)
        asked = form.location or (int(shape["location"]) if shape.get("location") else None)
        try:
            locations = await self.places.locations_of(user)
            if asked is None and len(locations) > 1:
                ids = [each["Id"] for each in locations]
                default = self.places.people.rules.default_location
                asked = default if default in ids else None
            chosen = asked or (locations[0]["Id"] if len(locations) == 1 else None)
            groups: list[Mapping[str, Any]] = []
            if chosen is not None:
                where, profile = await self.places.location_for(user, chosen)
                groups = list(await self.places.groups_for(where["Id"], profile))
        except NotAllowed as refused:
            # Better told before the words are typed than after.
            return {"notes": (words.escape(sentences.reason(refused.reason, refused.detail)),)}
        except AWAY as error:
            log.info("places_unknown", error=type(error).__name__)
            return {}
        return {"locations": tuple(locations), "location": chosen, "groups": tuple(groups)}

    async def _notes(self, form: Form) -> list[str]:
        origin = form.origin
        if not (origin.channel and origin.message_ts):
            return []
        notes = []
        if self.private_sources != "allow" and not await self.places.people.is_public(origin.channel):
            forbidden = self.private_sources == "forbid"
            notes.append(sentences.REASONS["private_forbidden"] if forbidden else sentences.PRIVATE_SOURCE)
        try:
            earlier = await self.outbox.posted_from(origin.team, origin.channel, origin.message_ts)
        except RedisError:
            return notes
        return notes + [self._earlier(each) for each in earlier if not each["private"] or each["user"] == origin.user]

    def _earlier(self, post: Mapping[str, Any]) -> str:
        link = (
            f"<{post['link']}|{words.escape(post['subject'])}>" if post.get("link") else words.escape(post["subject"])
        )
        return sentences.POSTED_BEFORE.format(user=f"<@{post['user']}>", link=link)

    async def _shape(self, origin: Origin) -> Mapping[str, str]:
        try:
            key = self.outbox.form_key(f"{origin.team}:view:{origin.view}")
            return cast("dict[str, str]", await self.outbox.redis.hgetall(key))
        except RedisError:
            return {}

    async def remember(self, origin: Origin, **shape: str | int) -> None:
        """What became of the form, for whatever redraws it next."""
        key = self.outbox.form_key(f"{origin.team}:view:{origin.view}")
        try:
            await self.outbox.redis.hset(key, mapping=cast("Any", shape))
            await self.outbox.redis.expire(key, FORM_LIFE)
        except RedisError:
            log.info("shape_not_remembered")

    async def close_form(self, key: str) -> None:
        name = self.outbox.form_key(key)
        await self.outbox.redis.hset(name, "closed", 1)
        await self.outbox.redis.expire(name, FORM_LIFE)

    async def form_again(self, entry: Entry, origin: Origin) -> Form:
        """The form with everything that a refused draft held."""
        draft = entry.draft
        typed: Mapping[str, Any] = next((each for each in draft.message if "original" not in each), {})
        rich = [typed["rich_text"]] if "rich_text" in typed else None
        message, unnamed = await self.prefill({"blocks": rich, "text": typed.get("mrkdwn", "")}, self.limits.message)
        attached = next((each["original"] for each in draft.message if "original" in each), None)
        original = await self._keep_original(attached) if attached else None
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if attached else []
        kept = replace(draft.origin, response_url=origin.response_url, asked_at=time.time(), view=None)
        return Form(
            kept, draft.subject, message, ", ".join(draft.tags), draft.credit, original,
            left=draft.left, unnamed=(*draft.unnamed, *unnamed), location=draft.location, group=draft.group,
            delivery=draft.delivery, more=draft.private or bool(draft.guests), private=draft.private,
            guests=draft.guests, notes=tuple(notes),
        )  # fmt: skip

    async def show_again(self, view: str, form: Form) -> None:
        form = self.with_what_is_known(replace(form, origin=replace(form.origin, view=view)))
        await self.update(form.origin, form_view(form), None)
        await self.furnish(view, form, (await self._shape(form.origin)).get("version"))

    async def forbids(self, draft: Draft) -> list[Problem]:
        """PRIVATE_SOURCES=forbid: a message from anywhere not known to be public stays in Slack."""
        if self.private_sources != "forbid" or not draft.origin.message_ts:
            return []
        try:
            async with asyncio.timeout(0.4):
                public = await self.places.people.is_public(draft.origin.channel)
        except TimeoutError:
            public = False
        return [] if public else [Problem("message", "private_forbidden")]

    async def lacks_a_location(self, draft: Draft) -> bool:
        """Whether only the person can say where; not known in time, it is decided at delivery."""
        try:
            async with asyncio.timeout(0.6):
                await self.places.location_for(draft.origin.user, draft.location)
        except NotAllowed as refused:
            return refused.reason == "choose_location"
        except (TimeoutError, *AWAY):
            return False
        return False


def _file_names(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The files that stay in Slack, a few of them by name."""
    files = [each for each in message.get("files") or [] if isinstance(each, Mapping)]
    names = [str(each.get("title") or each.get("name") or "a file")[:60] for each in files[:5]]
    return (*names, f"{len(files) - 5} more") if len(files) > 5 else tuple(names)
