"""What a worker that has nothing to do costs, and how soon it hears that there is something."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Literal

import pytest
from redis.asyncio import Redis

from bridge import running
from bridge.outbox.ledger import Outbox
from bridge.outbox.worker import Work, Worker
from bridge.post.draft import Draft, Origin
from bridge.post.entry import Entry
from bridge.slack.connections import listen
from bridge.store.client import waiting
from tests.support.space import ANA, open_space, until

QUEUES: tuple[Literal["due"], Literal["attach"]] = "due", "attach"


class Station:
    """The worker of one process on both queues, and what it took up, when."""

    def __init__(self, redis: Redis, blocking: Redis, lease: float, slots: int) -> None:
        self.outboxes = {each: Outbox(redis, blocking, "b:{idle}:", lease, 60, 1000, each) for each in QUEUES}
        self.taken: dict[str, float] = {}
        self.works = [Work(outbox, self._take, name, slots) for name, outbox in self.outboxes.items()]
        self.busy = asyncio.Event()
        self.task = asyncio.create_task(Worker(self.works).run(self._is_closed))

    async def _is_closed(self) -> bool:
        return False

    async def _take(self, entry: Entry) -> None:
        self.taken[entry.id] = time.monotonic()
        await self.busy.wait()

    async def put(self, key: str) -> str:
        draft = Draft(Origin("T1", ANA, time.time()), key, ({"mrkdwn": "Body"},))
        return (await self.outboxes["due"].put(key, draft)).id

    async def add_files(self, id_: str) -> None:
        """As `settle` does it."""
        outbox = self.outboxes["attach"]
        await outbox.redis.zadd(outbox.key("attach"), {id_: 1})
        await outbox.redis.lpush(outbox.key("attach-wake"), id_)

    def stop(self) -> None:
        for work in self.works:
            work.stopping.set()


Opens = Callable[..., Awaitable[Station]]


@pytest.fixture
async def opens(redis: Redis) -> AsyncIterator[Opens]:
    """Opens stations that have been idle for a moment."""
    async with contextlib.AsyncExitStack() as opened:

        async def station(lease: float = 30, slots: int = 2) -> Station:
            blocking = waiting(redis, block=4)
            made = Station(redis, blocking, lease, slots)
            opened.callback(made.task.cancel)
            await asyncio.sleep(0.1)
            return made

        yield station


async def spent(redis: Redis, seconds: float) -> dict[str, int]:
    """How often which command was carried out within some seconds, those of scripts too."""
    before = await redis.info("commandstats")
    await asyncio.sleep(seconds)
    after = await redis.info("commandstats")
    calls = {name: stats["calls"] - before.get(name, {"calls": 0})["calls"] for name, stats in after.items()}
    return {name: count for name, count in calls.items() if count and name != "cmdstat_info"}


async def test_an_idle_process_asks_redis_at_most_twice_a_second(redis: Redis, redis_url: str) -> None:
    """Web and worker in one, files switched on, after the start: plans are billed by the command."""
    async with open_space(redis_url, worker=False, files=True, lease=30) as space:
        stop, began = asyncio.Event(), time.monotonic()
        process = asyncio.create_task(
            running.run(space.bridge, web=True, worker=True, listening=listen("127.0.0.1", 0), stop=stop)
        )
        while sum((await spent(redis, 0.5)).values()) > 3:  # both banks are greeted first
            assert time.monotonic() < began + 15
        calls = await spent(redis, 4.1)
        assert 0 < sum(calls.values()) <= 2 * 4.1, calls
        stopped = time.monotonic()
        stop.set()
        await process
        assert time.monotonic() - stopped < 1


async def test_who_idles_hears_of_a_post_and_of_files_at_once(opens: Opens) -> None:
    """Milliseconds after it was put, also while another post is in hand."""
    station = await opens()
    for nth in range(2):
        began = time.monotonic()
        id_ = await station.put(f"post {nth}")
        await until(lambda: len(station.taken) > nth, 1)  # noqa: B023
        assert station.taken[id_] - began < 0.2

    station.taken.clear()
    began = time.monotonic()
    await station.add_files(id_)
    await until(lambda: id_ in station.taken, 1)
    assert station.taken[id_] - began < 0.2


async def test_a_full_queue_leaves_the_call_to_another_process(opens: Opens) -> None:
    """Whoever has no place free does not hear of the post in the other's stead; its files it still hears of."""
    full, other = await opens(slots=1), await opens(slots=1)
    await full.put("one")
    await other.put("two")
    await until(lambda: full.taken and other.taken, 1)
    third = await opens(slots=1)
    began = time.monotonic()
    last = await full.put("three")
    await until(lambda: last in third.taken, 1)
    assert third.taken[last] - began < 0.2
    await full.add_files(last)
    await until(lambda: any(last in each.taken for each in (full, other)), 1)


async def test_a_place_that_gets_free_is_filled_at_once(opens: Opens) -> None:
    """What waited because all places were taken is taken up when one is free, and what comes later is heard of."""
    station = await opens(slots=1)
    first, second = await station.put("one"), await station.put("two")
    await until(lambda: first in station.taken, 1)
    await asyncio.sleep(0.1)
    assert second not in station.taken
    station.busy.set()
    await until(lambda: second in station.taken, 0.5)
    await asyncio.sleep(0.1)
    third = await station.put("three")
    await until(lambda: third in station.taken, 0.5)


async def test_a_retry_is_taken_up_when_it_is_due(opens: Opens) -> None:
    """What was put off for a second by somebody else's worker is taken up then, though nothing calls."""
    station = await opens()
    outbox = station.outboxes["due"]
    id_ = await station.put("late")
    await until(lambda: id_ in station.taken, 1)
    entry = await outbox.get(id_)
    claim = await outbox.redis.hget(outbox.record_key(id_), "claim")
    assert entry is not None and claim is not None
    station.busy.set()
    del station.taken[id_]
    began = time.monotonic()
    await outbox.put_back(replace(entry, claim=str(claim)), 1.0)
    await until(lambda: id_ in station.taken, 3)
    assert 0.95 < station.taken[id_] - began < 1.3


async def test_a_lease_that_ran_out_is_taken_up_when_it_does(opens: Opens) -> None:
    """A worker is killed with a post in hand: another one that idled meanwhile has it as soon as the lease ends."""
    first = await opens(lease=1.5)
    id_ = await first.put("one")
    await until(lambda: id_ in first.taken, 1)
    second = await opens(lease=1.5)
    await asyncio.sleep(0.3)
    first.task.cancel()
    outbox = first.outboxes["due"]
    ends = await outbox.redis.zscore(outbox.key("due"), id_) or 0
    seconds, micro = await outbox.redis.time()
    began = time.monotonic() + ends / 1000 - (seconds + micro / 1e6)
    await until(lambda: id_ in second.taken, 4)
    assert second.taken[id_] - began < 0.3


async def test_a_lease_that_nobody_heard_of_is_found_too(opens: Opens) -> None:
    """It began and ended while the other worker slept: that one looks often enough to be there when it runs out."""
    second = await opens(lease=1.5)
    first = await opens(lease=1.5)
    ids = [await first.put("one"), await first.put("two")]
    await until(lambda: set(ids) <= first.taken.keys() | second.taken.keys(), 1)
    first.task.cancel()
    await until(lambda: set(ids) <= second.taken.keys(), 3.5)


async def test_who_stops_hands_the_call_on(opens: Opens) -> None:
    """A worker that stops may have taken a call with it: the other idle one looks instead of it."""
    first, second = await opens(), await opens()
    outbox = first.outboxes["due"]
    id_ = await first.put("unheard")
    await until(lambda: id_ in first.taken or id_ in second.taken, 1)
    heir, leaving = (second, first) if id_ in first.taken else (first, second)
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})  # due again, and nobody was called
    began = time.monotonic()
    leaving.busy.set()
    leaving.stop()
    await leaving.task
    await until(lambda: id_ in heir.taken, 1)
    assert heir.taken[id_] - began < 0.5


async def test_nothing_is_asked_for_while_nothing_is_due(opens: Opens, redis: Redis) -> None:
    """A retry that is due in an hour costs no more than an empty queue."""
    station = await opens()
    outbox = station.outboxes["due"]
    in_an_hour = (time.time() + 3600) * 1000
    await outbox.redis.zadd(outbox.key("due"), {"later": in_an_hour})
    await outbox.redis.lpush(outbox.key("wake"), "later")
    await asyncio.sleep(0.2)
    calls = await spent(redis, 2)
    assert sum(calls.values()) <= 5, calls
