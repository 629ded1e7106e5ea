"""What a form is given, with its opening or after it: locations, groups, warnings, earlier posts; what it remembers.

What is known in a moment is in the form from the start. Everything here may be slow or fail without closing it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import structlog
from redis.exceptions import RedisError

from bridge import attachment, sentences, words
from bridge.attachment import File
from bridge.conversation import files_of
from bridge.draft import Draft, Limits, Origin, Problem
from bridge.entry import Entry
from bridge.form import Form, form_view
from bridge.nexudus import NexudusError
from bridge.originals import FORM_LIFE, QUICK
from bridge.outbox import Outbox
from bridge.people import NotAllowed, SlackAway
from bridge.places import Places
from bridge.seal import Seal
from bridge.sources import Sources, prefilled
from bridge.webapi import CallFailed, WebApi

log = structlog.get_logger()

# What a look-up may end in while Slack, the board or Redis is away: never a refusal.
AWAY = (SlackAway, NexudusError, RedisError)

MOST_UNNAMED = 40
# How many characters of somebody's message are put into the field to be edited.
PREFILL = 3000


@dataclass(frozen=True)
class Furnishing:
    """Forms of one workspace, by the rules of this space."""

    api: WebApi
    outbox: Outbox
    places: Places
    sources: Sources
    seal: Seal
    limits: Limits = field(default_factory=Limits)
    private_sources: Literal["allow", "warn", "forbid"] = "warn"

    async def form_from_message(self, origin: Origin, message: Mapping[str, Any]) -> Form:
        """A form that carries a Slack message: prefilled where Slack takes it back, else attached whole."""
        (names, unnamed), public = await asyncio.gather(self._names(message), self._is_surely_public(origin))
        plain = words.to_plain(message.get("blocks"), str(message.get("text") or ""), names)
        rich, too_long = words.as_rich_text(message, names, PREFILL)
        author = str(message.get("user") or "") or None
        original = await self.sources.keep_message(message) if too_long else None
        listed = self.sources.files_of(message)
        files = await self.sources.keep_files(listed)
        left = () if files else _file_names(message)
        threaded = bool(message.get("thread_ts") or message.get("reply_count"))
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if too_long else []
        notes += [sentences.FILES_STAY.format(files=words.escape(", ".join(left)))] if left else []
        notes += _staying(listed) if files else []
        return Form(
            origin,
            subject=words.first_line(plain, min(120, self.limits.subject)),
            message=rich,
            credit=author if author != origin.user else None,
            original=original,
            threaded=threaded,
            prefill=prefilled(({"rich_text": rich},)) if rich and threaded else "",
            files=files,
            listed=tuple(listed) if files else (),
            left=left,
            unnamed=unnamed,
            notes=tuple(notes),
            # Until it is known to be public it counts as private: somebody may be quick to send the form.
            warning="" if public else self._warning(threaded, others=author != origin.user),
        )

    async def _is_surely_public(self, origin: Origin) -> bool:
        """Whether the place is known to be public within a moment."""
        looking = asyncio.create_task(self.places.people.is_public(origin.channel))
        done, _ = await asyncio.wait([looking], timeout=QUICK)
        return bool(done) and looking.result()

    def _warning(self, threaded: bool, *, others: bool) -> str:
        """What is said above the button that sends a message out of a place not known to be public."""
        if self.private_sources == "allow":
            return ""
        if self.private_sources == "forbid":
            return sentences.REASONS["private_forbidden"]
        more = sentences.PRIVATE_THREAD if threaded else sentences.PRIVATE_OTHERS if others else ""
        return sentences.PRIVATE_SOURCE + more

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
        looking.cancel()  # delivery has more time for whom it did not find
        known = looking.result() if done else words.Names()
        # The form remembers them in a field of 3,000 characters.
        unnamed = tuple(sorted(needed.users - known.users.keys()))[:MOST_UNNAMED]
        return replace(known, users={**{user: user for user in unnamed}, **known.users}), unnamed

    def view(self, form: Form) -> dict[str, Any]:
        return form_view(form, self.seal)

    def with_what_is_known(self, form: Form) -> Form:
        return replace(form, may_choose=self.places.people.rules.may_choose_instant(form.origin.user))

    async def bring_the_thread(self, form: Form, version: str | None) -> None:
        """Read the thread that was just chosen, and say in the form how much of it will be carried."""
        if form.conversation is None:
            name, said = await self.sources.read_thread(form.origin)
            form = replace(form, conversation=name, thread_said=said)
            await self.remember(form.origin, conversation=name or "", thread_said=said)
        await self.furnish(str(form.origin.view), form, version)

    async def furnish(self, view: str, form: Form, version: str | None) -> None:
        """Bring what had to be looked up into the open form: locations, groups, warnings, earlier posts.

        `version` is the view's hash: a form that was sent meanwhile shows its report and is left alone.
        """
        form = await self.furnished(replace(form, origin=replace(form.origin, view=view)))
        if await self._show(form, version) == "hash_conflict":
            # Our own change of the form may have come in between; anybody else's is not known here.
            newer = (await self._shape(form.origin)).get("version")
            if newer and newer != version:
                await self._show(form, newer)

    async def furnished(self, form: Form) -> Form:
        """The form with all that has to be looked up; it may take as long as Slack and the board take."""
        form = self.with_what_is_known(form)
        places, earlier, warning = await asyncio.gather(
            self._places(form), self._earlier_posts(form.origin), self._fresh_warning(form)
        )
        notes = [*form.notes, *places.pop("notes", ()), *earlier]
        return replace(form, **places, notes=tuple(notes), warning=warning)

    async def _show(self, form: Form, version: str | None) -> str:
        """Redraw the form; the blocks keep their ids, so Slack keeps what was typed. Answers Slack's error."""
        shape = await self._shape(form.origin)
        form = replace(
            form,
            more=form.more or shape.get("more") == "1",
            conversation=form.conversation or shape.get("conversation") or None,
            thread_said=form.thread_said or shape.get("thread_said", ""),
        )
        listed, found = await self.sources.listed(form.files), await self.sources.listed(form.conversation)
        notes = tuple(dict.fromkeys([*form.notes, *_staying(found)]))
        form = replace(form, listed=listed, thread_listed=found, notes=notes)
        return await self.update(form.origin, self.view(form), version)

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
            standing = await self.places.standing(user)
            locations = standing.open()
            ids = [each["Id"] for each in locations]
            default = standing.default if standing.default in ids else None
            chosen = asked or (ids[0] if len(ids) == 1 else default)
            groups: list[Mapping[str, Any]] = []
            if chosen is not None:
                where, profile = standing.choose(chosen)
                groups = list(await self.places.groups_for(where["Id"], profile))
        except NotAllowed as refused:
            # Better told before the words are typed than after.
            return {"notes": (words.escape(sentences.reason(refused.reason, refused.detail)),)}
        except AWAY as error:
            log.info("places_unknown", error=type(error).__name__)
            return {}
        return {"locations": tuple(locations), "location": chosen, "groups": tuple(groups)}

    async def _fresh_warning(self, form: Form) -> str:
        origin = form.origin
        if not origin.message_ts or await self.places.people.is_public(origin.channel):
            return ""
        return self._warning(form.threaded, others=form.credit is not None)

    async def _earlier_posts(self, origin: Origin) -> list[str]:
        if not (origin.channel and origin.message_ts):
            return []
        try:
            earlier = await self.outbox.posted_from(origin.team, origin.channel, origin.message_ts)
        except RedisError:
            return []
        return [self._earlier(each) for each in earlier if not each["private"] or each["user"] == origin.user]

    def _earlier(self, post: Mapping[str, Any]) -> str:
        subject = words.escape(post["subject"])
        link = f"<{post['link']}|{subject}>" if post.get("link") else subject
        return sentences.POSTED_BEFORE.format(user=f"<@{post['user']}>", link=link)

    async def _shape(self, origin: Origin) -> Mapping[str, str]:
        if not origin.view:
            return {}
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
        typed: Mapping[str, Any] = next((each for each in draft.message if each.keys() & {"rich_text", "mrkdwn"}), {})
        rich = [typed["rich_text"]] if "rich_text" in typed else None
        message, unnamed = await self.prefill({"blocks": rich, "text": typed.get("mrkdwn", "")}, self.limits.message)
        attached = next((each["original"] for each in draft.message if "original" in each), None)
        original = await self.sources.keep_message(attached) if attached else None
        whole = next((each["conversation"] for each in draft.message if "conversation" in each), None)
        own, others = attachment.in_two(draft.files) if whole else (draft.files, ())
        files = await self.sources.keep_files(own)
        conversation = await self.sources.originals.keep({**whole, "files": others}) if whole else None
        lost = (attached and not original) or (whole and not conversation)
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if lost else []
        kept = replace(draft.origin, response_url=origin.response_url, asked_at=time.time(), view=None)
        return Form(
            kept, draft.credit, draft.anonymous, original,
            subject=draft.subject, message=message, tags=", ".join(draft.tags),
            threaded=conversation is not None, whole=conversation is not None, conversation=conversation,
            files=files, listed=own, thread_listed=others, left=draft.left,
            unnamed=(*draft.unnamed, *unnamed), location=draft.location, group=draft.group,
            delivery=draft.delivery, more=draft.private or bool(draft.guests), private=draft.private,
            guests=draft.guests, notes=tuple(notes),
        )  # fmt: skip

    async def show_again(self, view: str, form: Form) -> None:
        form = self.with_what_is_known(replace(form, origin=replace(form.origin, view=view)))
        await self.update(form.origin, self.view(form), None)
        await self.furnish(view, form, (await self._shape(form.origin)).get("version"))

    async def forbids(self, draft: Draft) -> list[Problem]:
        """PRIVATE_SOURCES=forbid: a message from anywhere not known to be public stays in Slack."""
        if self.private_sources != "forbid" or not draft.origin.message_ts:
            return []
        public = await self._is_surely_public(draft.origin)
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


def _staying(files: Sequence[File]) -> list[str]:
    """The files that cannot be carried and why, a few of them, before anybody counts on them."""
    stay = [f"{each['name']} ({sentences.file_reason(each)})" for each in files if each.get("reason")]
    told = [*stay[:5], *([sentences.AND_MORE.format(more=len(stay) - 5)] if len(stay) > 5 else [])]
    return [sentences.FILES_STAY.format(files=words.escape(", ".join(told)))] if told else []


def _file_names(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The files that stay in Slack, a few of them by name."""
    files = files_of(message)
    names = [str(each.get("title") or each.get("name") or "a file")[:60] for each in files[:5]]
    return (*names, f"{len(files) - 5} more") if len(files) > 5 else tuple(names)
