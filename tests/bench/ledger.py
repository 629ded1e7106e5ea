"""What one step of the ledger costs beside how many entries are there already."""

import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import typer

from bridge.outbox import scripts
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Draft, Origin, Outcome, reference
from bridge.post.entry import Entry
from bridge.store.client import connect
from bridge.store.embedded import embedded

T = TypeVar("T")

SIZES = (1, 1000, 100_000, 1_000_000)
_CYCLES = 300
_KEEP = 30 * 86_400_000
_CHUNK = 1000


async def growth(entries: int, line: Callable[[str, str, bool | None], None]) -> None:
    """Each step beside the same step on a ledger of one entry, in turn: what else the machine does falls on both."""
    typer.echo("\nGrowth: a post's steps beside entries that wait in the ledger, and the same on a ledger of one entry")
    with tempfile.TemporaryDirectory(prefix="ledger-") as name:
        async with _ledger(Path(name) / "one") as one, _ledger(Path(name) / "many") as many:
            await _fill(one, 0, 1)
            held, empty = 0, await _memory(many)
            for size in [each for each in SIZES if each <= entries]:
                began = time.monotonic()
                await _fill(many, held, size)
                filled, held, used = time.monotonic() - began, size, await _memory(many)
                line(f"{size:,} entries", _said(*await _beside(one, many, str(size))), None)
                each = f", {(used - empty) / size / 1000:.2f} KB each" if size > 1 else ""
                line("", f"{used / 1e6:.1f} MB in Redis{each}; filled in {filled:.0f} s", None)


async def _beside(one: Outbox, many: Outbox, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """What each step takes in milliseconds, the median of many: on a ledger of one entry, and on the other."""
    took: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    for number in range(_CYCLES):
        for outbox, steps in zip((one, many), took, strict=True):
            for step, seconds in (await _cycle(outbox, f"{name}-{number}")).items():
                steps.setdefault(step, []).append(seconds * 1000)
    first, second = ({step: median(several) for step, several in steps.items()} for steps in took)
    return first, second


def _said(one: Mapping[str, float], many: Mapping[str, float]) -> str:
    steps = [f"{step} {took:.2f} ms ({took / one[step]:.2f} ×)" for step, took in many.items()]
    return ", ".join([*steps, f"all {sum(many.values()) / sum(one.values()):.2f} ×"])


@contextlib.asynccontextmanager
async def _ledger(folder: Path) -> AsyncIterator[Outbox]:
    with embedded(folder) as url:
        redis = connect(url, timeout=60)
        yield Outbox(redis, redis, "bridge:{growth}:", lease=30, keep=30 * 86400, per_hour=10**9)
        await redis.aclose()


async def _memory(outbox: Outbox) -> int:
    """What Redis says it uses, in bytes."""
    return int((await outbox.redis.info("memory"))["used_memory"])


async def _fill(outbox: Outbox, held: int, size: int) -> None:
    """Entries that were kept and are due tomorrow, by a thousand people."""
    redis = outbox.redis
    await redis.config_set("appendfsync", "no")  # filling is not measured
    sha = await redis.script_load(scripts.PUT)
    due, tomorrow = outbox.key("due"), (time.time() + 86_400) * 1000
    for start in range(held, size, _CHUNK):
        pipe = redis.pipeline(transaction=False)
        for number in range(start, min(size, start + _CHUNK)):
            key, draft = f"filled-{number}", _draft(f"U{number % 1000:06}", f"Filled {number}")
            keys = [due, outbox.form_key(key), outbox.mine_key(draft.origin.user)]
            id_ = reference(key)
            pipe.evalsha(sha, 3, *keys, outbox.prefix, "", id_, draft.digest, draft.to_json(), 0, 10**9, _KEEP, "")
            pipe.zadd(due, {f"{id_}-1": tomorrow}, xx=True)
        await pipe.execute()
    await redis.config_set("appendfsync", "always")


def _draft(user: str, subject: str) -> Draft:
    return Draft(Origin("T", user, time.time(), channel="C1"), subject, ({"mrkdwn": "Lunch is at noon. " * 12},))


async def _cycle(outbox: Outbox, key: str) -> dict[str, float]:
    """The seconds of each step of one post, and of the list that its person sees."""
    draft, took = _draft("UCYCLE", f"Cycle {key}"), dict[str, float]()

    async def timed(step: str, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        done = await work
        took[step] = time.perf_counter() - began
        return done

    await timed("put", outbox.put(key, draft))
    entry = await timed("claim", outbox.claim())
    assert isinstance(entry, Entry)
    body: dict[str, Any] = {"BusinessId": 1, "UserId": 2, "Subject": draft.subject, "Message": "m"}
    await timed("sending", outbox.sending(entry, body, {}, key, 60))
    outcome = Outcome("posted", thread=abs(hash(key)), link="https://a.example")
    await timed("settle", outbox.settle(entry, outcome))
    fresh = await outbox.get(entry.id)
    assert fresh is not None
    await timed("told", outbox.told(fresh, "answer"))
    await timed("status", outbox.latest("T", "UCYCLE"))
    return took
