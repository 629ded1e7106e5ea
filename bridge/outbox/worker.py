"""Working a queue of leases: claim, attempt with the lease renewed, and stop for nothing that goes wrong in one."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from redis.exceptions import RedisError

from bridge.outbox.leases import Lost
from bridge.outbox.ledger import Outbox
from bridge.post.entry import Entry

log = structlog.get_logger()


@dataclass(frozen=True)
class Worker:
    """Attempts what the outbox leases out, `slots` at a time; any number of these share one Redis.

    `of` says in the logs what it works on.
    """

    outbox: Outbox
    attempt: Callable[[Entry], Awaitable[None]]
    of: str
    slots: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, closed: Callable[[], Awaitable[bool]]) -> None:
        """Until `stopping`, and nothing while it is `closed`. A Redis that is away is waited for.

        So is whatever else a claim ends in: the others' entries are due after it. Only its type is logged, since its
        text may hold people's words.
        """
        free, away = asyncio.Semaphore(self.slots), False
        async with asyncio.TaskGroup() as tasks:
            while not self.stopping.is_set():
                try:
                    if await closed():
                        await asyncio.sleep(1)
                        continue
                    await free.acquire()
                    claimed = await self._claim(free)
                except Exception as error:
                    if not away:
                        event = "store_away" if isinstance(error, RedisError) else "claim_broke"
                        log.error(event, of=self.of, error=type(error).__name__)
                    away = True
                    await asyncio.sleep(0.5)
                    continue
                if away:
                    log.info("store_back", of=self.of)
                away = False
                if claimed is not None:
                    tasks.create_task(self._hold(claimed, free))

    async def _claim(self, free: asyncio.Semaphore) -> Entry | None:
        claimed: Entry | float = -1.0
        try:
            claimed = await self.outbox.claim()
        finally:
            if not isinstance(claimed, Entry):
                free.release()
        if isinstance(claimed, Entry):
            return claimed
        # A cancelled blocking read would lose its wake-up, so the wait is short instead.
        await self.outbox.wait(1.0 if claimed < 0 else min(1.0, claimed))
        return None

    async def _hold(self, entry: Entry, free: asyncio.Semaphore) -> None:
        """The attempt with its lease renewed; whatever goes wrong in it must not stop the worker."""
        renewing = asyncio.create_task(self._renew(entry))
        try:
            await self.attempt(entry)
        except Lost:
            log.warning("lease_lost", id=entry.id, of=self.of)
        except RedisError as error:
            log.warning("store_away", id=entry.id, of=self.of, error=type(error).__name__)
        except Exception:
            log.exception("attempt_failed", id=entry.id, of=self.of)
        finally:
            renewing.cancel()
            free.release()

    async def _renew(self, entry: Entry) -> None:
        while True:
            await asyncio.sleep(self.outbox.lease / 4)
            with contextlib.suppress(RedisError):
                try:
                    await self.outbox.renew(entry)
                except Lost:
                    return
