"""What the listeners ask for: the form's furniture, the keeping, the brief wait, the answers."""

import asyncio
import json
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, cast

import structlog
from redis.exceptions import RedisError

from bridge import blocks, metrics, sentences, words
from bridge.draft import Draft, Entry, Limits, Origin, Outcome, Problem
from bridge.nexudus import NexudusError
from bridge.outbox import Outbox
from bridge.people import NotAllowed, People, SlackAway
from bridge.webapi import CallFailed, WebApi

log = structlog.get_logger()

T = TypeVar("T")

# A form lives no longer than a day; what it needs remembered neither.
FORM_LIFE = 86400
# How many characters of somebody's message are put into the field to be edited.
PREFILL = 3000


@dataclass(frozen=True)
class Waited:
    """What a keeping led to within the brief wait: a problem, an outcome, or nothing yet."""

    id: str = ""
    outcome: Outcome | None = None
    entry: Entry | None = None
    changed: bool = False
    problem: Problem | None = None

    def view(self, draft: Draft) -> blocks.Block:
        said = sentences.CHANGED if self.changed else None
        if self.entry is not None and (self.outcome or self.changed):
            return blocks.report_view(self.entry, self.outcome, said=said)
        return blocks.waiting_view(self.id, draft.subject)

    def message(self, draft: Draft) -> blocks.Block:
        if self.entry is not None and self.outcome:
            return blocks.report_message(self.entry, self.outcome)
        return blocks.waiting_message(self.id, draft.subject)


@dataclass
class Desk:
    """Everything that the listeners are handed. `brief` is the wait for a final word, in seconds."""

    api: WebApi
    outbox: Outbox
    people: People
    limits: Limits = field(default_factory=Limits)
    private_sources: Literal["allow", "warn", "forbid"] = "warn"
    brief: float = 1.0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of ours: held until it is done, its failure logged. Python keeps only weak references."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task_failed", error=type(error).__name__, exc_info=error)

    def is_ours(self, team: str) -> bool:
        """Whether somebody acts from the workspace that installed the app; delivery asks Slack again."""
        home = self.api.known_home()
        return home is None or team == home[0]

    async def first_time(self, what: str) -> bool:
        """Whether this request is seen for the first time: one that arrives twice has one effect."""
        try:
            return bool(await self.outbox.redis.set(f"{self.outbox.prefix}once:{what}", 1, nx=True, ex=600))
        except RedisError:
            return True

    # ── the form ─────────────────────────────────────────────────────────────

    async def form_from_message(self, origin: Origin, message: Mapping[str, Any]) -> blocks.Form:
        """A form that carries a Slack message: prefilled where Slack takes it back, else attached whole."""
        plain = words.to_plain(message.get("blocks"), str(message.get("text") or ""))
        rich, too_long = words.as_rich_text(message, words.Names(), PREFILL)
        author = str(message.get("user") or "") or None
        original = await self._keep_original(message) if too_long else None
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if too_long else []
        return blocks.Form(
            origin,
            subject=words.first_line(plain, min(120, self.limits.subject)),
            message=rich,
            credit=author if author != origin.user else None,
            original=original,
            notes=tuple(notes),
        )

    async def _keep_original(self, message: Mapping[str, Any]) -> str | None:
        kept = {name: message[name] for name in ("text", "blocks", "attachments", "files", "ts") if name in message}
        name = f"original:{message.get('ts')}:{time.time_ns():x}"
        try:
            await self.outbox.redis.set(self.outbox.prefix + name, json.dumps(kept), ex=FORM_LIFE)
        except RedisError:
            return None
        return name

    async def with_original(self, draft: Draft, memory: blocks.FormMemory) -> Draft:
        """The draft with the kept message below what was typed."""
        if memory.original is None or not memory.original.startswith("original:"):
            return draft
        try:
            text = await self.outbox.redis.get(self.outbox.prefix + memory.original)
        except RedisError:
            return draft  # the keeping will fail as well, and say so
        return replace(draft, message=(*draft.message, {"original": json.loads(text)})) if text else draft

    def with_what_is_known(self, form: blocks.Form) -> blocks.Form:
        return replace(form, may_choose=self.people.rules.may_choose_instant(form.origin.user))

    async def furnish(self, view: str, form: blocks.Form) -> None:
        """Bring what had to be looked up into the open form: locations, groups, warnings, earlier posts."""
        form = self.with_what_is_known(replace(form, origin=replace(form.origin, view=view)))
        places, notes = await asyncio.gather(self._places(form), self._notes(form))
        shape = await self._shape(form.origin)
        form = replace(form, **places, notes=tuple(dict.fromkeys([*form.notes, *notes])))
        form = replace(form, more=form.more or bool(shape.get("more")))
        try:
            # The blocks keep their ids, so Slack keeps what was typed meanwhile.
            await self.api.call("views.update", view_id=view, view=blocks.form_view(form))
        except CallFailed as failed:
            log.info("form_not_furnished", error=failed.error)

    async def _places(self, form: blocks.Form) -> dict[str, Any]:
        user = form.origin.user
        shape = await self._shape(form.origin)
        asked = form.location or (int(shape["location"]) if shape.get("location") else None)
        try:
            locations = await self.people.locations_of(user)
            if asked is None and len(locations) > 1:
                ids = [each["Id"] for each in locations]
                default = self.people.rules.default_location
                asked = default if default in ids else None
            chosen = asked or (locations[0]["Id"] if len(locations) == 1 else None)
            groups: list[Mapping[str, Any]] = []
            if chosen is not None:
                where, profile = await self.people.location_for(user, chosen)
                groups = list(await self.people.groups_for(where["Id"], profile))
        except (NotAllowed, SlackAway, NexudusError) as error:
            log.info("places_unknown", error=type(error).__name__)
            return {}
        return {"locations": tuple(locations), "location": chosen, "groups": tuple(groups)}

    async def _notes(self, form: blocks.Form) -> list[str]:
        origin = form.origin
        if not (origin.channel and origin.message_ts):
            return []
        notes = []
        if self.private_sources != "allow" and not await self.people.is_public(origin.channel):
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

    async def remember_shape(self, origin: Origin, location: int | None, more: bool) -> None:
        """What the person did to the form, for whatever redraws it next."""
        key = self.outbox.form_key(f"{origin.team}:view:{origin.view}")
        shape: dict[Any, Any] = {"more": int(more), **({"location": location} if location else {})}
        try:
            await self.outbox.redis.hset(key, mapping=shape)
            await self.outbox.redis.expire(key, FORM_LIFE)
        except RedisError:
            log.info("shape_not_remembered")

    async def close_form(self, key: str) -> None:
        name = self.outbox.form_key(key)
        await self.outbox.redis.hset(name, "closed", 1)
        await self.outbox.redis.expire(name, FORM_LIFE)

    def form_again(self, entry: Entry, origin: Origin) -> blocks.Form:
        """The form with a refused draft's words in it."""
        draft = entry.draft
        first = draft.message[0] if draft.message else {}
        rich = [first["rich_text"]] if "rich_text" in first else None
        message, _ = words.as_rich_text(
            {"blocks": rich, "text": first.get("mrkdwn", "")}, words.Names(), self.limits.message
        )
        kept = replace(draft.origin, response_url=origin.response_url, asked_at=time.time(), view=None)
        return blocks.Form(
            kept, draft.subject, message, ", ".join(draft.tags), draft.credit,
            location=draft.location, group=draft.group, delivery=draft.delivery,
            more=draft.private or bool(draft.guests), private=draft.private, guests=draft.guests,
        )  # fmt: skip

    async def show_again(self, view: str, form: blocks.Form) -> None:
        form = self.with_what_is_known(form)
        try:
            await self.api.call("views.update", view_id=view, view=blocks.form_view(form))
        except CallFailed as failed:
            log.info("form_not_shown_again", error=failed.error)
        await self.furnish(view, form)

    # ── keeping ──────────────────────────────────────────────────────────────

    async def forbids(self, draft: Draft) -> list[Problem]:
        """PRIVATE_SOURCES=forbid: a message from anywhere not known to be public stays in Slack."""
        if self.private_sources != "forbid" or not draft.origin.message_ts:
            return []
        try:
            async with asyncio.timeout(0.7):
                public = await self.people.is_public(draft.origin.channel)
        except TimeoutError:
            public = False
        return [] if public else [Problem("message", "private_forbidden")]

    async def lacks_a_location(self, draft: Draft) -> bool:
        """Whether only the person can say where; not known in time, it is decided at delivery."""
        try:
            async with asyncio.timeout(0.6):
                await self.people.location_for(draft.origin.user, draft.location)
        except NotAllowed as refused:
            return refused.reason == "choose_location"
        except (TimeoutError, SlackAway, NexudusError):
            return False
        return False

    async def keep(self, key: str, draft: Draft, nonce: str) -> Waited:
        """Keep the draft, then wait briefly for its final word. Never raises: a problem is told in the form."""
        try:
            kept = await self.outbox.put(key, draft, nonce=nonce, watch=self.brief + 0.5)
        except RedisError:
            log.error("not_kept")
            return Waited(problem=Problem("message", "store_away"))
        metrics.PUT.labels(kept.disposition).inc()
        log.info("put", id=kept.id, disposition=kept.disposition, user=draft.origin.user)
        if kept.disposition == "too many":
            return Waited(problem=Problem("subject", "too_many", {"limit": self.outbox.per_hour}))
        try:
            return await self._wait(kept.id, changed=kept.disposition == "changed")
        except RedisError:
            return Waited(kept.id)

    async def _wait(self, id_: str, *, changed: bool) -> Waited:
        until = time.monotonic() + self.brief
        while True:
            last = time.monotonic() >= until
            entry = await self.outbox.get(id_)
            if entry is not None and entry.told:
                return Waited(id_, entry.outcome, entry, changed)
            outcome = await self.outbox.outcome_for_answer(id_, last=last)
            if outcome and (entry := await self.outbox.get(id_)):
                await self.outbox.told(replace(entry, claim=""), "answer")
                return Waited(id_, outcome, entry, changed)
            if last or changed:
                return Waited(id_, None, entry, changed)
            await asyncio.sleep(0.02)

    async def look_once_more(self, id_: str) -> None:
        """The last word over an interim answer that may have come after it."""
        await asyncio.sleep(1.5)
        entry = await self.outbox.get(id_)
        if entry and entry.outcome and entry.told == "form":
            await self.api.call(
                "views.update", view_id=entry.draft.origin.view, view=blocks.report_view(entry, entry.outcome)
            )

    # ── answers ──────────────────────────────────────────────────────────────

    async def whoami(self, user: str) -> str:
        try:
            profiles = await self.people.profiles(user)
            where = [str(each["Name"]) for each in await self.people.locations_of(user)]
        except NotAllowed as refused:
            return words.escape(sentences.reason(refused.reason, refused.detail))
        except (SlackAway, NexudusError):
            return sentences.BOARD_AWAY
        name = profiles[0].name or "yourself"
        return sentences.WHOAMI.format(name=words.escape(name), locations=words.escape(", ".join(where) or "–"))

    async def say_later(self, origin: Origin, answer: "asyncio.Task[str]") -> None:
        await self.say(origin, await answer)

    async def say(self, origin: Origin, text: str) -> None:
        """A sentence to a person alone, where they asked."""
        if origin.response_url:
            return await self.api.respond(origin.response_url, blocks.note(text))
        return await self.message(origin.user, text)

    async def message(self, user: str, text: str) -> None:
        await self.api.call("chat.postMessage", channel=user, **blocks.note(text))

    async def entry_of(self, actor: Mapping[str, str], id_: str) -> Entry | None:
        """The draft, if it is this person's own."""
        try:
            entry = await self.outbox.get(id_)
        except RedisError:
            return None
        own = entry and (entry.draft.origin.team, entry.draft.origin.user) == (actor["team"], actor["user"])
        return entry if own else None

    async def cancel(self, actor: Mapping[str, str], id_: str, response_url: str | None) -> None:
        entry = await self.entry_of(actor, id_)
        said = await self.outbox.cancel(id_, "changed_mind", response_url, time.time()) if entry else "unknown"
        log.info("cancel", id=id_, said=said)
        if said != "cancelled":
            origin = Origin(actor["team"], actor["user"], time.time(), response_url=response_url)
            await self.say(origin, sentences.CANNOT_CANCEL.get(said, sentences.GONE))

    # ── events ───────────────────────────────────────────────────────────────

    async def forget_if_changed(self, user: Mapping[str, Any]) -> None:
        if await self.people.changed(user):
            log.info("mapping_dropped", user=user.get("id"))

    async def stop_for_good(self) -> None:
        """The app was removed: deliver nothing more, forget whom we knew. A new token starts afresh."""
        log.error("app_removed")
        await self.outbox.close(str(self.api.client.token))
