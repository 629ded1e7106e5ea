"""How the ledger stands, counted for whoever watches from outside."""

from collections import Counter
from typing import NamedTuple, cast

from bridge import metrics
from bridge.outbox.ledger import Outbox

# So many of the entries that are due first are looked at: an outage must not make every scrape slow.
MOST = 1000

_STATES = ("kept", "sending", "posted", "refused", "unposted", "unsure", "cancelled")


class Census(NamedTuple):
    """`waiting` counts all that is due, now or later, `states` the first thousand of them; ages are in seconds."""

    waiting: int
    failed: int
    attaching: int
    states: Counter[str]
    oldest: float
    overdue: float


async def census(outbox: Outbox) -> Census:
    """Two round trips. Raises RedisError."""
    async with outbox.redis.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(outbox.key("due"), 0, MOST - 1, withscores=True)
        for queue in ("due", "failed", "attach"):
            pipe.zcard(outbox.key(queue))
        (seconds, micro), first, waiting, failed, attaching = await pipe.execute()
    now = seconds + micro / 1e6
    found = await _records(outbox, [id_ for id_, _ in first])
    kept = [float(each) / 1000 for state, each in found if each and state in ("kept", "sending")]
    return Census(
        waiting,
        failed,
        attaching,
        states=Counter(state for state, _ in found if state),
        oldest=max(0.0, now - min(kept, default=now)),
        overdue=max(0.0, now - first[0][1] / 1000) if first else 0.0,
    )


async def measure(outbox: Outbox) -> None:
    """Brings the gauges up to date. Raises RedisError."""
    found = await census(outbox)
    metrics.WAITING.set(found.waiting)
    metrics.FAILED.set(found.failed)
    metrics.ATTACHING.set(found.attaching)
    metrics.OLDEST.set(found.oldest)
    metrics.OVERDUE.set(found.overdue)
    for state in _STATES:
        metrics.DRAFTS.labels(state).set(found.states[state])


async def _records(outbox: Outbox, ids: list[str]) -> list[tuple[str | None, str | None]]:
    async with outbox.redis.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(outbox.record_key(id_), ["state", "kept"])
        return cast("list[tuple[str | None, str | None]]", await pipe.execute())
