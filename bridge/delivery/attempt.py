"""One attempt from claim to report, and the policy between attempts.

A draft is marked as sending before the call. Found so marked, it is in doubt: it is looked
for on the board, and sent again only after two clear looks. Retries live here only; what follows
from which error, and after which wait, stands in `decision`.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from redis.exceptions import RedisError

from bridge import metrics
from bridge.delivery import board_thread, decision, matching
from bridge.delivery.board_health import BoardHealth
from bridge.delivery.decision import Policy
from bridge.delivery.reporting import Reporting
from bridge.members.places import Places
from bridge.nexudus.client import Nexudus
from bridge.nexudus.wire import BadReference, NexudusError
from bridge.outbox.leases import Lost
from bridge.outbox.ledger import Board, Outbox
from bridge.outbox.worker import Work, Worker
from bridge.post.draft import Outcome
from bridge.post.entry import Entry
from bridge.post.refusals import NotAllowed, SlackAway
from bridge.settings.environment import Settings
from bridge.telling.notify import Telling

log = structlog.get_logger()

# Posts that one worker has in hand at a time.
SLOTS = 8


def build(settings: Settings, outbox: Outbox, board: Nexudus, places: Places, telling: Telling) -> "Delivery":
    """What works the outbox; it tells by `telling`."""
    policy = Policy(
        settings.patience, settings.nexudus_timeout, settings.nexudus_search_lag, settings.still_trying_after,
        settings.longest_wait, settings.nexudus_thread_url, settings.late_look,
    )  # fmt: skip
    return Delivery(outbox, board, places, telling, policy, BoardHealth(outbox))


class Delivery:
    """Works the outbox until told to stop; any number of these share one Redis."""

    def __init__(
        self,
        outbox: Outbox,
        board: Nexudus,
        places: Places,
        telling: Telling,
        policy: Policy,
        board_health: BoardHealth,
    ) -> None:
        self.outbox, self.board, self.reporting = outbox, board, Reporting(outbox, telling, policy)
        self._people, self._places = places.people, places
        self.policy, self.board_health = policy, board_health
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claim nothing more; what is under way is finished."""
        self._stopping.set()

    @property
    def work(self) -> Work:
        """To be claimed and attempted until `stop`."""
        return Work(self.outbox, self._attempt_or_note, "posts", SLOTS, self._stopping)

    async def run(self, closed: Callable[[], Awaitable[bool]], *beside: Work) -> None:
        """Claim and attempt until `stop`, and what is worked `beside` it by the same process; not while `closed`."""
        keeping = asyncio.create_task(self.board_health.keep(self.board.businesses, self.board.tokens.refused))
        try:
            await Worker([self.work, *beside]).run(closed)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _attempt_or_note(self, entry: Entry) -> None:
        try:
            await self.attempt(entry)
        except (Lost, RedisError):
            raise
        except Exception as error:
            with contextlib.suppress(RedisError):
                await self.outbox.note(entry, last_error=f"broke: {type(error).__name__}")
            raise

    async def attempt(self, entry: Entry) -> None:
        """One claimed entry, one step further."""
        metrics.ATTEMPTS.inc()
        if entry.state == "unsure" and entry.told:
            await (self._wait_for_board(entry) if entry.shut else self._look_late(entry))
        elif entry.outcome is not None:
            await self.reporting.tell(entry)
        elif entry.stuck > decision.MOST_STUCK:
            await self._end(entry, decision.given_up(entry, "worker_died"))
        elif entry.claimed > entry.asked + self.policy.patience:
            await self._end(entry, decision.given_up(entry, decision.out_of_patience(entry)))
        elif entry.shut:
            await self._wait_for_board(entry)
        elif entry.state == "sending":
            await self._look(entry)
        else:
            await self._send(entry)

    async def _wait_for_board(self, entry: Entry) -> None:
        """It is away, or rejects the login: one process asks for all, and here it is only said in time."""
        quiet = entry.kept + self.policy.quiet - (time.time() - entry.drift)
        delay = quiet if quiet > 0 and not entry.noted else self.policy.longest_wait
        if not entry.told:
            await self.reporting.say_still_trying(entry, unsent=entry.sends == 0, why=entry.shut)
            delay = self._within_patience(entry, delay)
        await self.outbox.put_back(entry, delay, error=entry.shut, looks=entry.looks, board="shut")

    # ── sending ──────────────────────────────────────────────────────────────

    async def _send(self, entry: Entry) -> None:
        marked, began = False, time.monotonic()
        if not entry.last_error:
            metrics.STAGE.labels("queued").observe(max(0.0, entry.claimed - entry.asked))
        try:
            author = await self._places.author(entry.draft)
            body = (
                dict(entry.body)
                if entry.sends and entry.body
                else await board_thread.compose(entry.draft, author, self._places)
            )
            like = matching.likeness(body)
            hold = self.policy.patience * 2
            # A worker frozen past its lease has been replaced: it must not send what the other one looks for.
            until = time.monotonic() + self.outbox.lease / 2
            if await self.outbox.sending(entry, body, board_thread.facts(author), like, hold) == "twin":
                return await self._wait_for_twin(entry)
            marked = True
            metrics.STAGE.labels("author").observe(time.monotonic() - began)
            with metrics.STAGE.labels("board").time():
                created = int((await self.board.create_thread(body, until))["Id"])
        except (NotAllowed, SlackAway, NexudusError) as error:
            return await self._follow(entry, error, marked=marked)
        metrics.SUBMIT_TO_BOARD.observe(max(0.0, time.time() - entry.drift - entry.kept))
        outcome = decision.posted(entry.draft, board_thread.facts(author), created, self.policy.thread_url)
        return await self._end(entry, outcome)

    async def _wait_for_twin(self, entry: Entry) -> None:
        """The same words by the same person are in the air: were both, nobody could tell whose thread is whose."""
        await self.reporting.say_still_trying(entry, unsent=entry.sends == 0)
        await self.outbox.put_back(entry, 1.0, error="twin", looks=entry.looks)

    async def _follow(self, entry: Entry, error: Exception, *, marked: bool) -> None:
        follows = decision.decide(error, entry, marked=marked, longest=self.policy.longest_wait)
        log.info("attempt_ended", id=entry.id, error=type(error).__name__, follows=type(follows).__name__)
        metrics.RETRIES.labels(type(error).__name__).inc()
        await self.board_health.notice(error)
        if isinstance(follows, Outcome):
            return await self._end(entry, follows)
        if isinstance(error, BadReference):
            await self._people.forget(entry.draft.origin.user)
            await self.outbox.note(entry, resolved_anew=1)
        unsent = entry.sends == 0 and (follows.void or not marked)
        delay, called = self._within_patience(entry, follows.delay), marked and not follows.void
        await self.reporting.say_still_trying(entry, unsent=unsent, next_in=delay, why=follows.error)
        return await self.outbox.put_back(
            entry, delay, void=follows.void, called=called, answered=follows.answered, failed=follows.failed,
            error=follows.error, looks=0 if called else entry.looks, board=follows.board,
        )  # fmt: skip

    def _look_again(self, entry: Entry) -> float:
        doubted = time.time() - entry.drift - (entry.sent or entry.kept)
        return self._within_patience(entry, decision.look_again(doubted, self.policy.longest_wait))

    def _within_patience(self, entry: Entry, delay: float) -> float:
        """Whoever named the delay: at the end of patience the person hears how it ended."""
        left = entry.asked + self.policy.patience - (time.time() - entry.drift)
        return min(delay, max(0.0, left) + 1)

    # ── in doubt ─────────────────────────────────────────────────────────────

    async def _look(self, entry: Entry) -> None:
        """Adopt what is found; send again only after two clear looks; else look again later."""
        if not entry.body:
            # Erased with somebody whom it named: there is nothing left to tell its thread by.
            return await self._end(entry, Outcome("unsure", "erased"))
        since = entry.first_sent or entry.kept
        try:
            seen = await self._search(entry, since)
        except NexudusError as error:
            await self.board_health.notice(error)
            wait: float | None = getattr(error, "wait", None)
            named = None if wait is None else self._within_patience(entry, decision.named(wait))
            delay, board = (self._look_again(entry), "tried") if named is None else (named, "")
            await self.reporting.say_still_trying(entry, next_in=delay)
            return await self.outbox.put_back(
                entry, delay, error="look failed", looks=entry.looks, board=cast(Board, board)
            )
        if len(seen.found) > 1:
            return await self._end(entry, Outcome("unsure", "several"))
        if seen.found:
            return await self._adopt(entry, seen.found[0])
        return await self._not_found(entry, clear=seen.clear)

    async def _search(self, entry: Entry, since: float) -> matching.Seen:
        body, since = entry.body or {}, since + entry.drift
        start = datetime.fromtimestamp(since, UTC) - timedelta(minutes=5)
        sighting = await self.board.threads_since(body["BusinessId"], body["UserId"], start)
        return await matching.sift(sighting, body, since, entry.id, self.board.thread, self.outbox.holder)

    async def _adopt(self, entry: Entry, found: int, *, late: bool = False) -> None:
        metrics.ADOPTED.inc()
        log.info("adopted_after_doubt", id=entry.id, thread=found)
        outcome = decision.posted(entry.draft, entry.facts, found, self.policy.thread_url)
        await self._end(entry, replace(outcome, late=late))

    async def _not_found(self, entry: Entry, *, clear: bool) -> None:
        sent, now = entry.sent or entry.kept, time.time() - entry.drift
        answered = entry.sent is not None and entry.answered == entry.sent
        settled = decision.settled(sent, entry.sends, self.policy, answered=answered)
        looks = entry.looks
        if not clear:
            looks = 0
        elif decision.counts(looks, now, settled, answered=answered):
            looks += 1
        if looks < decision.CLEAR_LOOKS:
            await self.reporting.say_still_trying(entry)
            delay = self._next_look(entry, sent, now, settled) if now < settled else self._deciding(entry, clear)
            return await self.outbox.put_back(entry, delay, error="looking", looks=looks)
        if entry.sends >= decision.MOST_SENDS:
            return await self._end(entry, Outcome("unsure", "sent_often"))
        return await self._send(entry)

    def _next_look(self, entry: Entry, sent: float, now: float, settled: float) -> float:
        # The moment at which the person is told that we still look is one to wake up for, too.
        wakes = [*(sent + each for each in decision.EARLY_LOOKS), entry.kept + self.policy.quiet, settled]
        return min(each - now for each in wakes if each > now + 0.2 or each == settled)

    def _deciding(self, entry: Entry, clear: bool) -> float:
        return self.policy.search_lag if clear else self._look_again(entry)

    async def _look_late(self, entry: Entry) -> None:
        """A given-up draft is looked for once more; what turns up is told."""
        again = 0.0
        # Its words may have been erased meanwhile, and a look that keeps breaking would never end.
        if entry.body and entry.stuck <= decision.MOST_STUCK:
            try:
                seen = await self._search(entry, entry.first_sent or entry.kept)
                if len(seen.found) == 1:
                    return await self._adopt(entry, seen.found[0], late=True)
            except NexudusError:
                again = self.policy.late_look
        await self.outbox.told(entry, entry.told or "untold", look_again=again)
        return None

    # ── ending and telling ───────────────────────────────────────────────────

    async def _end(self, entry: Entry, outcome: Outcome) -> None:
        said = await self.outbox.settle(entry, outcome)
        if said == "held" and outcome.late:
            # The thread is another draft's. That this one may not have been posted its person knows already.
            await self.outbox.told(entry, entry.told or "untold")
            return
        if said == "held":
            outcome = Outcome("unsure", "several")
            said = await self.outbox.settle(entry, outcome)
        log.info("settled", id=entry.id, ending=outcome.ending, reason=outcome.reason, said=said)
        metrics.OUTCOMES.labels(outcome.ending, outcome.reason).inc()
        fresh = await self.reporting.pictured(entry.id) if said != "watched" else None
        if fresh is not None and fresh.outcome is not None:
            await self.reporting.tell(replace(fresh, claim=entry.claim, drift=entry.drift))
