"""One pace for everybody: several objects on one server stand for several processes."""

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.nexudus.pace import Pace
from bridge.nexudus.wire import Later

PREFIX = "bridge:{main}:"
THREADS, FILES = "community/communitythreads", "community/communitythreadfiles"


def pace(redis: Redis, **changes: Any) -> Pace:
    settings = {"writes_per_minute": 60, "writes_per_day": 2500, "writes_per_endpoint": 60, "interval": 0.0}
    return Pace(redis, PREFIX, **settings | changes)


async def take_turns(paces: list[Pace], number: int, write: bool) -> list[float]:
    async def one(of: Pace) -> float:
        await of.turn(THREADS, write=write)
        return time.monotonic()

    return sorted(await asyncio.gather(*(one(paces[each % len(paces)]) for each in range(number))))


async def test_calls_keep_their_distance(redis: Redis) -> None:
    """Two processes that call at once are spread out as if they were one."""
    start = time.monotonic()
    turns = await take_turns([pace(redis, interval=0.03), pace(redis, interval=0.03)], 12, write=False)
    assert all(turn - start >= 0.03 * nth - 0.001 for nth, turn in enumerate(turns))


async def test_writes_never_exceed_the_minute(redis: Redis) -> None:
    """However many call at once, no more writes than allowed go out in each minute; late ones only spread it more."""
    both, start = [pace(redis, writes_per_minute=3, minute=0.3) for _ in range(2)], time.monotonic()
    turns = await take_turns(both, 9, write=True)
    assert all(turn - start >= 0.3 * (nth // 3) - 0.001 for nth, turn in enumerate(turns))


async def test_writes_never_exceed_the_day(redis: Redis) -> None:
    """When the day's budget is spent, a write is told how long to wait, and reads go on."""
    both = [pace(redis, writes_per_day=4) for _ in range(2)]
    await take_turns(both, 4, write=True)
    with pytest.raises(Later) as caught:
        await both[0].turn(THREADS, write=True)
    assert 86_390 < caught.value.wait <= 86_400
    await both[1].turn(THREADS, write=False)


async def test_writes_are_counted_for_each_endpoint(redis: Redis) -> None:
    """When the minute of one is spent, another's goes on at once, and the account's budget counts both."""
    both = [pace(redis, writes_per_endpoint=3, writes_per_minute=5) for _ in range(2)]
    await take_turns(both, 3, write=True)
    with pytest.raises(Later) as caught:
        await both[0].turn(THREADS, write=True)
    assert 59 < caught.value.wait <= 60
    for _ in range(2):
        await asyncio.wait_for(both[1].turn(FILES, write=True), 0.3)
    with pytest.raises(Later):
        await both[1].turn(FILES, write=True)


@pytest.mark.parametrize("held", ["a pause", "a spent minute"])
async def test_who_waits_for_one_endpoint_holds_up_no_other(redis: Redis, held: str) -> None:
    """A write that sleeps until its endpoint is free again has a slot ahead; the others' calls go before it."""
    ours = pace(redis, writes_per_endpoint=1, minute=1.0, interval=0.02)
    if held == "a pause":
        await ours.pause(THREADS, 1)
    else:
        await ours.turn(THREADS, write=True)
    start = time.monotonic()
    waiting = asyncio.create_task(ours.turn(THREADS, write=True))
    await asyncio.sleep(0.05)
    for write in (True, False):
        await ours.turn(FILES, write=write)
    assert time.monotonic() - start < 0.4
    await waiting
    assert 0.9 < time.monotonic() - start < 1.5


async def test_the_day_is_a_window_too(redis: Redis) -> None:
    """A day's writes are forgotten one by one as they grow a day old, not all at once."""
    both, start = [pace(redis, writes_per_day=2, day=0.3) for _ in range(2)], time.monotonic()
    turns = await take_turns(both, 6, write=True)
    assert all(turn - start >= 0.3 * (nth // 2) - 0.001 for nth, turn in enumerate(turns))
    await asyncio.sleep(0.4)
    await both[0].turn(THREADS, write=True)
    assert await redis.zcard(f"{PREFIX}pace:writes") == 1


async def test_reads_do_not_spend_writes(redis: Redis) -> None:
    """Reads count for the interval only."""
    await take_turns([pace(redis, writes_per_minute=1)], 20, write=False)
    assert not await redis.exists(f"{PREFIX}pace:writes")


async def test_who_would_wait_too_long_takes_no_slot(redis: Redis) -> None:
    """A turn that is refused leaves nothing behind: it makes nobody else wait."""
    slow = pace(redis, interval=10)
    await slow.turn(THREADS, write=True)
    for _ in range(3):
        with pytest.raises(Later) as caught:
            await slow.turn(THREADS, write=True)
        assert caught.value.wait <= 10
    assert await redis.zcard(f"{PREFIX}pace:writes") == 1


async def test_a_pause_holds_everybody(redis: Redis) -> None:
    """What one process was told of an endpoint, all keep to, reads and writes; then they are spread out again."""
    both = [pace(redis, interval=0.02) for _ in range(2)]
    start = time.monotonic()
    await both[0].pause(THREADS, 0.4)
    turns = await take_turns(both, 4, write=False) + await take_turns(both, 2, write=True)
    assert all(turn - start >= 0.4 + 0.02 * nth - 0.002 for nth, turn in enumerate(turns))


async def test_a_pause_is_never_shortened(redis: Redis) -> None:
    """The longest wait that anybody was told holds; no wait at all is no pause."""
    ours = pace(redis)
    await ours.pause(THREADS, 0)
    assert await ours.waiting(THREADS) == 0
    await ours.pause(THREADS, 30)
    await ours.pause(THREADS, 1)
    assert 29 < await ours.waiting(THREADS) <= 30
    with pytest.raises(Later) as caught:
        await ours.turn(THREADS, write=False)
    assert 29 < caught.value.wait <= 30


async def test_a_pause_reaches_those_who_have_a_slot_already(redis: Redis) -> None:
    """A slot is given back and taken anew when a pause comes in between, and is counted once."""
    ours, theirs = pace(redis, interval=0.3), pace(redis)
    await ours.turn(THREADS, write=False)
    start = time.monotonic()
    waiting = asyncio.create_task(ours.turn(THREADS, write=True))
    await asyncio.sleep(0.1)
    await theirs.pause(THREADS, 0.6)
    await waiting
    assert time.monotonic() - start >= 0.69
    assert await redis.zcard(f"{PREFIX}pace:writes") == 1


async def test_a_long_pause_sends_those_away_who_have_a_slot(redis: Redis) -> None:
    """A pause beyond what is left of the patience ends the wait, and the slot is free again."""
    ours = pace(redis, interval=0.2)
    await ours.turn(THREADS, write=False)
    waiting = asyncio.create_task(ours.turn(THREADS, write=True))
    await asyncio.sleep(0.05)
    await ours.pause(THREADS, 60)
    with pytest.raises(Later):
        await waiting
    assert await redis.zcard(f"{PREFIX}pace:writes") == 0


async def test_every_key_expires_and_shares_the_slot(redis: Redis) -> None:
    """Nothing is left behind for ever, and a cluster can run the script."""
    ours = pace(redis, interval=0.01)
    await ours.turn(THREADS, write=True)
    await ours.pause(THREADS, 1)
    keys = [key async for key in redis.scan_iter()]
    assert len(keys) == 4
    assert all(key.startswith(f"{PREFIX}pace:") for key in keys)
    assert all([0 < await redis.ttl(key) <= 86_401 for key in keys])


def test_a_pace_of_nothing_is_a_mistake(redis: Redis) -> None:
    """A limit below one write would never let anything through."""
    with pytest.raises(ValueError, match="no pace"):
        pace(redis, writes_per_day=0)


async def test_writes_of_another_time_hold_nobody(redis: Redis) -> None:
    """Noted before the server's clock was set back by months, they would spend the day's budget until then."""
    for key in ("slots", "writes", f"writes:{THREADS}"):
        await redis.zadd(f"{PREFIX}pace:{key}", {"then": (time.time() + 90 * 86_400) * 1e6, "ever": "inf"})
    await pace(redis, writes_per_day=1, writes_per_endpoint=1, interval=0.01).turn(THREADS, write=True)
