"""One attempt from claim to report, and the policy between attempts.

A draft is marked as sending before the call. Found so marked, it is in doubt: it is looked
for on the board, and sent again only after two clear looks. Retries live here only; what follows
from which error, and after which wait, stands in `decision`.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import structlog
from redis.exceptions import RedisError

from bridge import decision, metrics, sightings
from bridge import draft as drafts
from bridge.draft import Draft, Entry, Outcome
from bridge.nexudus import BadReference, Nexudus, NexudusError, Refused, Unauthorized, Unavailable
from bridge.outbox import Lost, Outbox
from bridge.people import NotAllowed, SlackAway
from bridge.places import Author, Places

log = structlog.get_logger()


class Untold(Exception):
    """No way of telling worked; `final` when none ever will."""

    def __init__(self, *, final: bool, wait: float | None = None) -> None:
        super().__init__("untold")
        self.final, self.wait = final, wait


class Report(Protocol):
    """Tells the person what became of an entry, and answers by which way. Raises Untold."""

    async def __call__(self, entry: Entry, outcome: Outcome | None) -> str: ...


@dataclass(frozen=True)
class Policy:
    """How long and how carefully; seconds."""

    patience: float = 86400
    timeout: float = 15
    search_lag: float = 10
    thread_url: str = ""
    credit: Callable[[Draft, str | None, str | None], str] = lambda draft, author, link: ""


class Delivery:
    """Works the outbox until told to stop; any number of these share one Redis."""

    def __init__(
        self, outbox: Outbox, board: Nexudus, places: Places, report: Report, policy: Policy, slots: int = 8
    ) -> None:
        self._outbox, self._board, self._report = outbox, board, report
        self._people, self._places = places.people, places
        self._policy, self._slots = policy, slots
        self._stopping = asyncio.Event()
        self._troubled = True

    async def board_is_away(self) -> bool:
        """Whether a delivery, in whatever process, found the board away within the last minute."""
        return bool(await self._outbox.redis.exists(self._outbox.prefix + "away"))

    async def login_refused(self) -> str | None:
        """The board's last word on our login, if it was a no: for /readyz."""
        return cast("str | None", await self._outbox.redis.get(self._outbox.prefix + "rejected"))

    async def _notice(self, error: Exception | None) -> None:
        """Remember, for the health routes of every process, how the board is."""
        away, rejected = self._outbox.prefix + "away", self._outbox.prefix + "rejected"
        if isinstance(error, Unauthorized):
            log.error("board_rejects_login", reason=error.reason)
            await self._outbox.redis.set(rejected, error.reason, ex=3600)
        elif error is not None and not isinstance(error, NotAllowed | Refused | SlackAway):
            await self._outbox.redis.set(away, 1, ex=60)
        elif error is None and self._troubled:
            await self._outbox.redis.delete(away, rejected)
        self._troubled = error is not None

    def stop(self) -> None:
        """Claim nothing more; what is under way is finished."""
        self._stopping.set()

    async def run(self, stopped: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Claim and attempt until `stop`. A Redis that is away is waited for."""
        free = asyncio.Semaphore(self._slots)
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping.is_set():
                try:
                    if stopped is not None and await stopped():
                        await asyncio.sleep(1)
                        continue
                    await free.acquire()
                    claimed = await self._claim(free)
                except RedisError:
                    await asyncio.sleep(0.5)
                    continue
                if claimed is not None:
                    tasks.create_task(self._hold(claimed, free))

    async def _claim(self, free: asyncio.Semaphore) -> Entry | None:
        claimed: Entry | float = -1.0
        try:
            claimed = await self._outbox.claim()
        finally:
            if not isinstance(claimed, Entry):
                free.release()
        if isinstance(claimed, Entry):
            return claimed
        # A cancelled blocking read would lose its wake-up, so the wait is short instead.
        await self._outbox.wait(1.0 if claimed < 0 else min(1.0, claimed))
        return None

    async def _hold(self, entry: Entry, free: asyncio.Semaphore) -> None:
        """The attempt with its lease renewed; whatever goes wrong in it must not stop the worker."""
        renewing = asyncio.create_task(self._renew(entry))
        try:
            await self.attempt(entry)
        except Lost:
            log.warning("lease_lost", id=entry.id)
        except RedisError as error:
            log.warning("store_away", id=entry.id, error=type(error).__name__)
        except Exception:
            log.exception("attempt_failed", id=entry.id)
        finally:
            renewing.cancel()
            free.release()

    async def _renew(self, entry: Entry) -> None:
        while True:
            await asyncio.sleep(self._outbox.lease / 4)
            with contextlib.suppress(RedisError):
                try:
                    await self._outbox.renew(entry)
                except Lost:
                    return

    async def attempt(self, entry: Entry) -> None:
        """One claimed entry, one step further."""
        metrics.ATTEMPTS.inc()
        if entry.state == "unsure" and entry.told:
            await self._look_late(entry)
        elif entry.outcome is not None:
            await self._tell(entry)
        elif entry.stuck > decision.MOST_STUCK:
            await self._end(entry, decision.given_up(entry, "worker_died"))
        elif entry.claimed > entry.asked + self._policy.patience:
            await self._end(entry, decision.given_up(entry, "patience"))
        elif entry.state == "sending":
            await self._look(entry)
        else:
            await self._send(entry)

    # ── sending ──────────────────────────────────────────────────────────────

    async def _send(self, entry: Entry) -> None:
        marked = False
        try:
            author = await self._places.author(entry.draft)
            body = dict(entry.body) if entry.sends and entry.body else await self._compose(entry.draft, author)
            if await self._outbox.sending(entry, body, _facts(author), hold=self._policy.patience * 2) == "twin":
                return await self._wait_for_twin(entry)
            marked, began = True, time.monotonic()
            thread = await self._create(body, began)
        except (NotAllowed, SlackAway, NexudusError) as error:
            return await self._follow(entry, error, marked=marked)
        await self._notice(None)
        metrics.SUBMIT_TO_BOARD.observe(max(0.0, time.time() - entry.drift - entry.kept))
        return await self._end(entry, decision.posted(entry.draft, _facts(author), thread, self._policy.thread_url))

    async def _wait_for_twin(self, entry: Entry) -> None:
        """The same words by the same person are in the air: were both, nobody could tell whose thread is whose."""
        await self._say_still_trying(entry, unsent=entry.sends == 0)
        await self._outbox.put_back(entry, 1.0, error="twin", looks=entry.looks)

    async def _create(self, body: Mapping[str, Any], began: float) -> int:
        # A worker frozen past its lease has been replaced: it must not send what the other one looks for.
        if time.monotonic() - began > self._outbox.lease / 2:
            raise Unavailable("woken too late", None)
        return int((await self._board.create_thread(body))["Id"])

    async def _compose(self, draft: Draft, author: Author) -> dict[str, Any]:
        names = await self._people.names(drafts.mentioned(draft))
        credit = await self._credit(draft)
        message = drafts.compose_message(draft, names, credit)
        body: dict[str, Any] = {
            "BusinessId": author.location,
            "UserId": author.profile.user,
            "Subject": draft.subject,
            "Message": message,
            "InstantDelivery": draft.delivery == "instant",
            "Private": draft.private,
        }
        if author.profile.coworker is not None:
            body["CoworkerId"] = author.profile.coworker
        if draft.tags:
            body["Tags"] = ",".join(draft.tags)
        if author.group is not None:
            body["CommunityGroupId"] = author.group
        if draft.guests:
            body["Guests"] = await self._places.guests(draft.guests, author.location, author.profile)
            if draft.private and not body["Guests"]:
                raise NotAllowed("guests_needed", "guests")
        return body

    async def _credit(self, draft: Draft) -> str:
        """Who said it first, and a link back only where the source is known to be public."""
        origin = draft.origin
        name = await self._people.name(draft.credit) if draft.credit and draft.credit != origin.user else None
        link = None
        if origin.message_ts and origin.team_domain and await self._people.is_public(origin.channel):
            link = drafts.permalink(origin)
        return self._policy.credit(draft, name, link)

    async def _follow(self, entry: Entry, error: Exception, *, marked: bool) -> None:
        follows = decision.decide(error, entry, marked=marked)
        log.info("attempt_ended", id=entry.id, error=type(error).__name__, follows=type(follows).__name__)
        metrics.RETRIES.labels(type(error).__name__).inc()
        await self._notice(error)
        if isinstance(follows, Outcome):
            return await self._end(entry, follows)
        if isinstance(error, BadReference):
            await self._people.forget(entry.draft.origin.user)
            await self._outbox.note(entry, resolved_anew=1)
        await self._say_still_trying(entry, unsent=entry.sends == 0 and (follows.void or not marked))
        return await self._outbox.put_back(entry, follows.delay, void=follows.void, error=follows.error)

    # ── in doubt ─────────────────────────────────────────────────────────────

    async def _look(self, entry: Entry) -> None:
        """Adopt what is found; send again only after two clear looks; else look again later."""
        since = entry.first_sent or entry.kept
        try:
            seen = await self._search(entry, since)
        except NexudusError as error:
            delay = max(getattr(error, "wait", None) or 0, decision.wait(decision.WAITS, entry.failures))
            await self._say_still_trying(entry)
            return await self._outbox.put_back(entry, delay, error="look failed", looks=entry.looks)
        if len(seen.found) > 1:
            return await self._end(entry, Outcome("unsure", "several"))
        if seen.found:
            return await self._adopt(entry, seen.found[0])
        return await self._not_found(entry, clear=seen.clear)

    async def _search(self, entry: Entry, since: float) -> sightings.Seen:
        body, since = entry.body or {}, since + entry.drift
        start = datetime.fromtimestamp(since, UTC) - timedelta(minutes=5)
        sighting = await self._board.threads_since(body["BusinessId"], body["UserId"], start)
        return await sightings.sift(sighting, body, since, entry.id, self._board.thread, self._outbox.holder)

    async def _adopt(self, entry: Entry, thread: int, *, late: bool = False) -> None:
        metrics.ADOPTED.inc()
        log.info("adopted_after_doubt", id=entry.id, thread=thread)
        outcome = decision.posted(entry.draft, entry.facts, thread, self._policy.thread_url)
        await self._end(entry, replace(outcome, late=late))

    async def _not_found(self, entry: Entry, *, clear: bool) -> None:
        sent = entry.sent or entry.kept
        # What is already on the wire can land until the call's own time is over, twice over for safety.
        settled = sent + 2 * self._policy.timeout + 1
        now = time.time() - entry.drift
        if now < settled:
            early = [sent + each - now for each in decision.EARLY_LOOKS if sent + each > now + 0.2]
            return await self._outbox.put_back(entry, early[0] if early else settled - now, error="looking")
        looks = entry.looks + 1 if clear else 0
        if looks < decision.CLEAR_LOOKS:
            wait = self._policy.search_lag if clear else decision.wait(decision.WAITS, entry.failures)
            await self._say_still_trying(entry)
            return await self._outbox.put_back(entry, wait, error="looking", looks=looks)
        if entry.sends >= decision.MOST_SENDS:
            return await self._end(entry, Outcome("unsure", "sent_often"))
        return await self._send(entry)

    async def _look_late(self, entry: Entry) -> None:
        """A given-up draft is looked for once more; what turns up is told."""
        try:
            seen = await self._search(entry, entry.first_sent or entry.kept)
        except NexudusError:
            return await self._outbox.told(entry, entry.told or "untold", look_again=decision.LATE_LOOK)
        if len(seen.found) == 1:
            return await self._adopt(entry, seen.found[0], late=True)
        return await self._outbox.told(entry, entry.told or "untold")

    # ── ending and telling ───────────────────────────────────────────────────

    async def _end(self, entry: Entry, outcome: Outcome) -> None:
        said = await self._outbox.settle(entry, outcome)
        log.info("settled", id=entry.id, ending=outcome.ending, reason=outcome.reason, said=said)
        if said == "held":
            await self._outbox.settle(entry, Outcome("unsure", "several"))
        metrics.OUTCOMES.labels(outcome.ending, outcome.reason).inc()
        fresh = await self._outbox.get(entry.id)
        if said != "watched" and fresh is not None and fresh.outcome is not None:
            await self._tell(replace(fresh, claim=entry.claim, drift=entry.drift))

    async def _tell(self, entry: Entry) -> None:
        assert entry.outcome is not None
        try:
            way = await self._report(entry, entry.outcome)
        except Untold as untold:
            overdue = time.time() - entry.drift - (entry.ended or entry.kept) > decision.TELLING_PATIENCE
            if not untold.final and not overdue:
                wait = decision.wait(decision.TELLING_WAITS, entry.telling)
                return await self._outbox.tell_later(entry, max(wait, untold.wait or 0))
            way = "untold"
            log.error("untold", id=entry.id)
        metrics.TOLD.labels(way).inc()
        again = decision.LATE_LOOK if entry.outcome.ending == "unsure" else 0
        return await self._outbox.told(entry, way, look_again=again)

    async def _say_still_trying(self, entry: Entry, *, unsent: bool = False) -> None:
        """Once, after a while: kept, still trying; `unsent` offers to cancel. Not being able to say so is no failure."""
        if entry.noted or entry.claimed - entry.kept < decision.QUIET:
            return
        fresh = await self._outbox.get(entry.id)
        if fresh is None or fresh.outcome is not None:
            return
        with contextlib.suppress(Untold):
            await self._report(replace(fresh, state="kept" if unsent else "sending"), None)
        await self._outbox.note(entry, noted=1)


def _facts(author: Author) -> dict[str, Any]:
    """What the report will want to say, kept with the mark so that an adopted thread can be told as well."""
    return {
        "web_address": author.web_address,
        "business_id": author.location,
        "group": author.group_name,
        "hidden": author.group_hidden,
    }
