"""What the listeners ask for: the keeping, the brief wait for a final word, the answers."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from redis.exceptions import RedisError

from bridge import metrics
from bridge.desk.installation import Installation
from bridge.form.lookups import Lookups
from bridge.form.prefill import Prefill
from bridge.form.redraw import OpenForms
from bridge.language import sentences
from bridge.members.faults import AWAY, whose
from bridge.members.places import Places
from bridge.moments import BRIEF, INSTANT, PATIENCE, QUICK, SPARE, WATCHED
from bridge.outbox import tries
from bridge.outbox.ledger import Outbox
from bridge.post.draft import NOT_POSTED, Draft, Origin, Outcome, Problem
from bridge.post.entry import Entry
from bridge.post.refusals import NotAllowed
from bridge.settings.environment import Settings
from bridge.slack.intake import hung_up, sent_at
from bridge.slack.webapi import CallFailed, WebApi
from bridge.store import trouble
from bridge.telling import blocks
from bridge.words.mrkdwn import escape

log = structlog.get_logger()

T = TypeVar("T")

# How many may wait for their final word at a time: no board takes more within the brief wait, and whoever is told at
# once that theirs is on its way makes room for the next one's acknowledgement.
MOST_WAITING = 50


def build(
    settings: Settings, api: WebApi, outbox: Outbox, lookups: Lookups, locale: Callable[[str], Awaitable[str]] | None
) -> "Desk":
    """What the listeners are handed; `locale` as Desk has it."""
    installation = Installation(outbox, settings.slack_bot_token.get_secret_value(), api)
    prefill = Prefill(lookups.sources, lookups.places.people, lookups.private_sources)
    return Desk(api, outbox, installation, lookups.places, prefill, lookups, lookups.open_forms, locale)


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
    """What the listeners are handed. `brief` is the wait in seconds.

    `locale` answers a person's language; None where there is none but English.
    """

    api: WebApi
    outbox: Outbox
    installation: Installation
    places: Places
    prefill: Prefill
    lookups: Lookups
    open_forms: OpenForms
    locale: Callable[[str], Awaitable[str]] | None
    brief: float = BRIEF
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of ours: held until it is done, its failure logged. Python keeps only weak references."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        # Slack's failures have had their line with the method and Slack's word, the store's with what it said.
        if not isinstance(error, CallFailed | RedisError):
            log.error("task_failed", error=type(error).__name__, exc_info=error)

    def is_ours(self, team: str) -> bool:
        """Whether somebody acts from the workspace that installed the app; delivery asks Slack again."""
        home = self.api.known_home()
        # In an Enterprise Grid a colleague's own team may be another one: delivery's gate knows more.
        return home is None or team == home[0] or home[1] is not None

    async def first_time(self, what: str) -> bool:
        """Whether this request is seen for the first time: one that arrives twice has one effect."""
        try:
            async with asyncio.timeout(QUICK):
                first = bool(await self.outbox.redis.set(f"{self.outbox.prefix}once:{what}", 1, nx=True, ex=600))
        except (RedisError, TimeoutError):
            return True
        if not first:
            metrics.DUPLICATES.labels(what.partition(":")[0]).inc()
        return first

    async def language_of(self, user: str) -> str:
        """The locale of a person in Slack, if it is known at once; "" else, which is English."""
        with contextlib.suppress(RedisError, TimeoutError):
            async with asyncio.timeout(INSTANT):
                return await self.locale(user) if self.locale and user else ""
        return ""

    # ── keeping ──────────────────────────────────────────────────────────────

    async def keep(self, key: str, draft: Draft, nonce: str) -> Waited:
        """Keep the draft, then wait briefly for its final word. Never raises: a problem is told in the form."""
        until, asked = time.monotonic() + self.brief, False
        try:
            async with asyncio.timeout(self.brief + SPARE):
                if not await self.installation.takes_posts():
                    return Waited(problem=Problem("message", "removed"))
                asked = True
                kept = await self.outbox.put(key, draft, nonce=nonce, watch=self.brief + WATCHED)
        except (RedisError, TimeoutError) as error:
            unsure = asked and trouble.may_have_run(error)
            log.error("not_kept", error=trouble.of(error).kind, sure=not unsure)
            return Waited(problem=Problem("message", "store_unsure" if unsure else "store_away"))
        metrics.PUT.labels(kept.disposition).inc()
        if kept.disposition == "already kept":
            metrics.DUPLICATES.labels("post").inc()
        log.info("put", id=kept.id, disposition=kept.disposition, user=draft.origin.user)
        if kept.disposition == "too many":
            return Waited(problem=Problem("subject", "too_many", {"limit": self.outbox.per_hour}))
        if kept.disposition == "tried again":
            return Waited(problem=await self._tried(kept.id))
        try:
            async with asyncio.timeout(max(0.0, until + SPARE - time.monotonic())):
                self.waiting.add(kept.id)
                return await self._wait(kept.id, until, changed=kept.disposition == "changed")
        except (RedisError, TimeoutError):
            return Waited(kept.id)
        finally:
            self.waiting.discard(kept.id)

    async def _tried(self, id_: str) -> Problem:
        """What became of another try of the same post, where this one would have been a second thread."""
        with contextlib.suppress(RedisError):
            if (other := await self.outbox.get(id_)) and other.state in ("posted", "unsure"):
                link = (other.outcome.link if other.outcome else "") or other.id
                return Problem("subject", f"tried_{other.state}", {"link": link})
        return Problem("subject", "tried_waits")

    async def _wait(self, id_: str, until: float, *, changed: bool) -> Waited:
        while True:
            gone = await hung_up.get()()
            last = changed or gone or time.monotonic() >= until or len(self.waiting) > MOST_WAITING
            found = await self.outbox.outcome_for_answer(id_, last=last, gone=gone)
            if found:
                entry = await self.outbox.get(id_)
                if isinstance(found, Outcome) and entry is not None:
                    self.spawn(self._told_by_answer(entry))
                return Waited(id_, entry.outcome if entry else None, entry, changed)
            if last:
                return Waited(id_, None, await self.outbox.get(id_) if changed else None, changed)
            # Many who wait ask less often each, or their asking would hold up everybody's keeping.
            await asyncio.sleep(max(0.02, 0.002 * len(self.waiting)))

    async def _told_by_answer(self, entry: Entry) -> None:
        """Once the answer is out in time; else, and should this process die before, a worker tells in a few seconds.

        Slack gives up in the very instant of a late answer, and nobody here would notice: better told twice.
        """
        await asyncio.sleep(0.2)
        if time.time() - sent_at.get() >= PATIENCE:
            return
        await self.outbox.told(entry, "answer", leased=False)

    async def note_known(self, entry: Entry) -> None:
        """Who acts on an outcome knows it: told once more, it would cover the form that opens. Raises RedisError."""
        if entry.told is None:
            await self.outbox.told(entry, "button", leased=False)

    # ── answers ──────────────────────────────────────────────────────────────

    async def whoami(self, user: str) -> str:
        try:
            profiles = await self.places.people.profiles(user, anew=True)
            where = [str(each["Name"]) for each in await self.places.locations_of(user)]
        except NotAllowed as refused:
            return escape(sentences.reason(refused.reason, refused.detail))
        except RedisError:
            return sentences.STORE_AWAY
        except AWAY as error:
            return sentences.WHOAMI_FAILED.format(why=sentences.FAULTS[whose(error)])
        name = profiles[0].name or sentences.YOURSELF
        return sentences.WHOAMI.format(name=escape(name), locations=escape(", ".join(where) or "–"))

    async def why_refused(self) -> str:
        """What a person reads where Slack refuses the app's token."""
        with contextlib.suppress(RedisError, TimeoutError):
            async with asyncio.timeout(QUICK):
                if not await self.installation.takes_posts():
                    return sentences.REASONS["removed"]
        return sentences.FAULTS["slack_refused"]

    async def say_later(self, origin: Origin, answer: Awaitable[str]) -> None:
        await self.say(origin, await answer)

    async def say(self, origin: Origin, text: str) -> None:
        """A sentence to a person alone, where they asked."""
        if origin.response_url:
            return await self.api.respond(origin.response_url, blocks.note(text))
        return await self.message(origin.user, text)

    async def message(self, user: str, text: str) -> None:
        await self.api.call("chat.postMessage", channel=user, **blocks.note(text))

    async def entry_of(self, actor: Mapping[str, str], id_: str) -> Entry | None:
        """The draft, if it is this person's own. Raises RedisError.

        Slack's ids of people are unique; which team a payload names depends on where in an organisation they act.
        """
        entry = await self.outbox.get(id_)
        return entry if entry and entry.draft.origin.user == actor["user"] else None

    async def latest(self, origin: Origin) -> list[Entry]:
        """A person's latest drafts, newest first, whatever team they were named with. Raises RedisError."""
        home = self.api.known_home()
        teams = {origin.team, home[0] if home else origin.team}
        found = {each.id: each for team in teams for each in await self.outbox.latest(team, origin.user)}
        return sorted(found.values(), key=lambda each: each.kept, reverse=True)[:5]

    async def standing(self, entry: Entry) -> Entry:
        """The draft, or the other try of the same post that is under way or may be on the board. Raises RedisError."""
        return await tries.standing(self.outbox, entry.id) or entry if entry.state in NOT_POSTED else entry

    async def say_what_became(self, origin: Origin, entry: Entry) -> None:
        """To whoever presses an old button: in the view that it stands in, else where they pressed it."""
        if origin.view and not await self.open_forms.update(origin, blocks.report_view(entry, entry.outcome), None):
            return
        await self.say(origin, blocks.already(entry))

    async def cancel(self, actor: Mapping[str, str], id_: str, response_url: str | None) -> None:
        origin = Origin(actor["team"], actor["user"], time.time(), response_url=response_url)
        try:
            entry = await self.entry_of(actor, id_)
            said = await self.outbox.cancel(id_, "changed_mind", response_url, time.time()) if entry else "unknown"
        except RedisError:
            await self.say(origin, sentences.STORE_AWAY)
            return
        # What no draft is called may be anything: it is not written down.
        log.info("cancel", id=entry.id if entry else None, said=said)
        if said != "cancelled":
            await self.say(origin, sentences.CANNOT_CANCEL.get(said, sentences.GONE))

    # ── events ───────────────────────────────────────────────────────────────

    async def forget_if_changed(self, user: Mapping[str, Any]) -> None:
        if await self.places.people.changed(user):
            log.info("mapping_dropped", user=user.get("id"))
