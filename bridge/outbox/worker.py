"""Working queues of leases: claim, attempt with the lease renewed, and stop for nothing that goes wrong in one.

Idle, a process waits for a call on all of its queues in one blocking read, until the next entry of any is due.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
from redis.exceptions import RedisError

from bridge.outbox import leases
from bridge.outbox.leases import Lost
from bridge.outbox.ledger import Outbox
from bridge.post.entry import Entry

log = structlog.get_logger()

# Seconds after which an idle worker looks by itself: a call may be lost with the process that took it, and so may the
# knowledge of what is due next. Redis is asked four times for it, and plans are billed by that.
LOOK = 4.0
# Until what went wrong is tried again, and until it is asked again whether the app is still closed.
_BREATH, _CLOSED = 0.5, 1.0


@dataclass(eq=False)
class Work:
    """What is done with the entries of one queue, `slots` at a time; any number of processes share one Redis.

    `of` says in the logs what it is. Nothing more is claimed once it is `stopping`.
    """

    outbox: Outbox
    attempt: Callable[[Entry], Awaitable[None]]
    of: str
    slots: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    held: int = field(default=0, init=False)
    # By the clock of the loop; what is known of the queue's first entry.
    due: float = field(default=0.0, init=False)
    away: bool = field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        """Whether there is a place for one more entry."""
        return self.held < self.slots and not self.stopping.is_set()


class Worker:
    """Works all queues of one process."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works
        self._changed = asyncio.Event()
        self._read: asyncio.Task[str | None] | None = None
        self._keys: list[str] = []
        self._deaf = False

    async def run(self, closed: Callable[[], Awaitable[bool]]) -> None:
        """Until all are `stopping`, and nothing while it is `closed`, which is asked when something is due.

        A Redis that is away is waited for. So is whatever else a claim ends in: the others' entries are due after it.
        Only its type is logged, since its text may hold people's words.
        """
        stops = [asyncio.create_task(each.stopping.wait()) for each in self._works]
        for stop in stops:
            stop.add_done_callback(self._wake)
        try:
            async with asyncio.TaskGroup() as tasks:
                while not all(each.stopping.is_set() for each in self._works):
                    ready = [each for each in self._works if each.is_open and each.due <= _clock()]
                    for work in ready:
                        if entry := await self._claim(work, closed):
                            tasks.create_task(self._hold(work, entry))
                    if not ready:
                        await self._sleep()
                await self._hand_on()
        finally:
            for task in (*stops, *([self._read] if self._read else [])):
                task.cancel()

    def _wake(self, _: object = None) -> None:
        self._changed.set()

    async def _claim(self, work: Work, closed: Callable[[], Awaitable[bool]]) -> Entry | None:
        try:
            if await closed():
                work.due = _clock() + _CLOSED
                return None
            claimed = await work.outbox.claim()
        except Exception as error:
            if not work.away:
                event = "store_away" if isinstance(error, RedisError) else "claim_broke"
                log.error(event, of=work.of, error=type(error).__name__)
            work.away, work.due = True, _clock() + _BREATH
            return None
        if work.away:
            log.info("store_back", of=work.of)
        work.away = False
        if isinstance(claimed, Entry):
            work.held += 1
            return claimed
        work.due = _clock() + claimed if claimed >= 0 else math.inf
        return None

    # ── idle ─────────────────────────────────────────────────────────────────

    async def _sleep(self) -> None:
        """Until a queue with a place free is called, or due; or until a place gets free, or it is to stop."""
        free = [each for each in self._works if each.is_open]
        self._listen(free)
        due = min((each.due for each in free), default=math.inf)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due if due < math.inf else None):
                await self._changed.wait()
        self._changed.clear()
        if self._read and self._read.done():
            read, self._read = self._read, None
            await self._heard(read)

    def _listen(self, free: list[Work]) -> None:
        """One blocking read of the calls of these: what somebody else has a place for is not taken from them."""
        keys = [each.outbox.wake_key for each in free]
        if self._read and keys != self._keys:
            self._read.cancel()
            self._read = None
            for work in free:
                work.due = 0.0  # it may have taken a call
        elif keys and not self._read:
            self._keys = keys
            self._read = asyncio.create_task(
                leases.called(free[0].outbox.blocking, keys, min(LOOK, free[0].outbox.lease))
            )
            self._read.add_done_callback(self._wake)

    async def _heard(self, read: "asyncio.Task[str | None]") -> None:
        called = None
        try:
            called = read.result()
            self._deaf = False
        except Exception as error:
            if not self._deaf:
                log.error("store_away", of="calls", error=type(error).__name__)
            self._deaf = True
            await asyncio.sleep(_BREATH)
        if called is None:
            await self._look()
        for work in self._works:
            if work.outbox.wake_key == called:
                work.due = 0.0

    async def _look(self) -> None:
        """What may have become due without a call. Where that cannot be seen, the claims say why."""
        queues = [each.outbox.key(each.outbox.queue) for each in self._works]
        try:
            left = await leases.seconds_left(self._works[0].outbox.redis, queues)
        except (RedisError, OSError):
            left = [0.0 for _ in queues]
        for work, seconds in zip(self._works, left, strict=True):
            work.due = min(work.due, _clock() + seconds)

    async def _hand_on(self) -> None:
        """The read that ends now may have taken a call with it: another worker looks instead."""
        if self._read:
            self._read.cancel()
            await asyncio.wait([self._read])
            with contextlib.suppress(RedisError, OSError):
                for key in self._keys:
                    await self._works[0].outbox.redis.lpush(key, "")

    # ── at work ──────────────────────────────────────────────────────────────

    async def _hold(self, work: Work, entry: Entry) -> None:
        """The attempt with its lease renewed; whatever goes wrong in it must not stop the worker."""
        renewing = asyncio.create_task(_renew(work.outbox, entry))
        try:
            await work.attempt(entry)
        except Lost:
            log.warning("lease_lost", id=entry.id, of=work.of)
        except RedisError as error:
            log.warning("store_away", id=entry.id, of=work.of, error=type(error).__name__)
        except Exception:
            log.exception("attempt_failed", id=entry.id, of=work.of)
        finally:
            renewing.cancel()
            work.held -= 1
            self._changed.set()


async def _renew(outbox: Outbox, entry: Entry) -> None:
    while True:
        await asyncio.sleep(outbox.lease / 4)
        with contextlib.suppress(RedisError):
            try:
                await outbox.renew(entry)
            except Lost:
                return


def _clock() -> float:
    return asyncio.get_running_loop().time()
