"""Letting the person know once the outcome is noted, or while it takes long: retried by itself, never posting again."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace

import structlog

from bridge import metrics
from bridge.delivery import decision
from bridge.delivery.decision import Policy
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Outcome
from bridge.post.entry import Entry
from bridge.telling.notify import Telling, Untold

log = structlog.get_logger()

# Seconds that a thread's link waits for its files at most, so that it is told once, with the final picture.
PICTURE = 4


@dataclass(frozen=True)
class Reporting:
    outbox: Outbox
    telling: Telling
    policy: Policy

    async def pictured(self, id_: str) -> Entry | None:
        """The entry once its files have ended, or as it stands after a few seconds."""
        for _ in range(PICTURE * 10):
            entry = await self.outbox.get(id_)
            if entry is None or not entry.attaching:
                return entry
            await asyncio.sleep(0.1)
        return await self.outbox.get(id_)

    async def tell(self, entry: Entry) -> None:
        assert entry.outcome is not None
        try:
            way = await self._way_of_telling(entry, entry.outcome)
        except Untold as untold:
            if not decision.is_past_telling(entry, time.time() - entry.drift, final=untold.final):
                wait = decision.wait(decision.TELLING_WAITS, entry.telling, self.policy.longest_wait)
                await self.outbox.tell_later(entry, min(max(wait, untold.wait or 0), decision.TELLING_PATIENCE))
                return
            way = "untold"
            log.error("untold", id=entry.id)
        again = self.policy.late_look if entry.outcome.ending == "unsure" and entry.body else 0
        if await self.outbox.told(entry, way, look_again=again):
            metrics.TOLD.labels(way).inc()
            metrics.STAGE.labels("telling").observe(max(0.0, time.time() - entry.drift - (entry.ended or entry.kept)))

    async def _way_of_telling(self, entry: Entry, outcome: Outcome) -> str:
        """Raises Untold. A telling that broke so often, in whatever way, breaks for good."""
        if entry.stuck > decision.MOST_STUCK:
            raise Untold(final=True)
        return await self.telling(entry, outcome)

    async def say_still_trying(self, entry: Entry, *, unsent: bool = False, next_in: float = 0, why: str = "") -> None:
        """Once, after a while: kept, still trying; `unsent` offers to cancel. Failing to say so is no failure.

        `why` is what is noted of this try, which says whose fault it is.

        Said sooner when the next step, in `next_in` seconds, would come much too late to say it.
        """
        waited = entry.claimed - entry.kept
        if entry.noted or (waited < self.policy.quiet and waited + next_in < 1.5 * self.policy.quiet):
            return
        fresh = await self.outbox.get(entry.id)
        if fresh is None or fresh.outcome is not None:
            return
        with contextlib.suppress(Untold):
            await self.telling(replace(fresh, state="kept" if unsent else "sending", last_error=why), None)
        await self.outbox.note(entry, noted=1)
