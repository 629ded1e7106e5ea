"""What one step of the ledger costs beside how many entries are there already."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import typer
from redis.asyncio import Redis

from bridge import scripts, store
from bridge.draft import Draft, Origin, Outcome, reference
from bridge.entry import Entry
from bridge.outbox import Outbox

_KEEP = 30 * 86_400_000
_CHUNK = 1000


async def growth(entries: int, line: Callable[[str, str, bool | None], None]) -> None:
    typer.echo(
        "\nGrowth: a post's five steps (put, claim, sending, settle, told) beside entries that wait in the ledger"
    )
    with tempfile.TemporaryDirectory(prefix="ledger-") as name, store.embedded(Path(name)) as url:
        redis = store.connect(url, timeout=30)
        outbox = Outbox(redis, redis, "bridge:{growth}:", per_hour=10**9)
        first, held = 0.0, 0
        for size in [10**power for power in range(8) if 10**power <= entries]:
            await _fill(redis, outbox, held, size)
            held = size
            cost = median([await _cycle(outbox, f"{size}-{n}") for n in range(300)]) * 1000
            first = first or cost
            used = int((await redis.info("memory"))["used_memory"]) / 1e6
            line(f"{size:,} entries", f"{cost:6.2f} ms  {cost / first:4.2f} × of one   {used:7.1f} MB in Redis", None)
        await redis.aclose()


async def _fill(redis: Redis, outbox: Outbox, held: int, size: int) -> None:
    """Entries that were kept and are due tomorrow, by a thousand people."""
    sha = await redis.script_load(scripts.PUT)
    due, tomorrow = outbox.prefix + "due", (time.time() + 86_400) * 1000
    for start in range(held, size, _CHUNK):
        pipe = redis.pipeline(transaction=False)
        for number in range(start, min(size, start + _CHUNK)):
            key, draft = f"filled-{number}", _draft(f"U{number % 1000:06}", f"Filled {number}")
            keys = [due, outbox.form_key(key), f"{outbox.prefix}mine:T:{draft.origin.user}"]
            id_ = reference(key)
            pipe.evalsha(sha, 3, *keys, outbox.prefix, id_, draft.digest, draft.to_json(), 0, 10**9, _KEEP, "")
            pipe.zadd(due, {f"{id_}-1": tomorrow}, xx=True)
        await pipe.execute()


def _draft(user: str, subject: str) -> Draft:
    return Draft(Origin("T", user, time.time(), channel="C1"), subject, ({"mrkdwn": "Lunch is at noon. " * 12},))


async def _cycle(outbox: Outbox, key: str) -> float:
    draft = _draft("UCYCLE", f"Cycle {key}")
    body: dict[str, Any] = {"BusinessId": 1, "UserId": 2, "Subject": draft.subject, "Message": "m"}
    began = time.perf_counter()
    await outbox.put(key, draft)
    entry = await outbox.claim()
    assert isinstance(entry, Entry)
    await outbox.sending(entry, body, {}, key, 60)
    outcome = Outcome("posted", thread=abs(hash(key)), link="https://a.example")
    await outbox.settle(entry, outcome)
    fresh = await outbox.get(entry.id)
    assert fresh is not None
    await outbox.told(entry, "answer")
    return time.perf_counter() - began
