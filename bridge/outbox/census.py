"""How the ledger stands, counted for whoever watches from outside."""

from collections import Counter
from typing import cast

from bridge import metrics
from bridge.outbox.ledger import Outbox

# So many of the entries that are due first are looked at: an outage must not make every scrape slow.
MOST = 1000

_STATES = ("kept", "sending", "posted", "refused", "unposted", "unsure", "cancelled")


async def measure(outbox: Outbox) -> None:
    """Brings the gauges up to date, in two round trips. Raises RedisError."""
    async with outbox.redis.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(outbox.key("due"), 0, MOST - 1, withscores=True)
        for queue in ("due", "failed", "attach"):
            pipe.zcard(outbox.key(queue))
        (seconds, micro), first, waiting, failed, attaching = await pipe.execute()
    now = seconds + micro / 1e6
    found = await _records(outbox, [id_ for id_, _ in first])
    kept = [float(each) / 1000 for state, each in found if each and state in ("kept", "sending")]
    metrics.WAITING.set(waiting)
    metrics.FAILED.set(failed)
    metrics.ATTACHING.set(attaching)
    metrics.OLDEST.set(max(0.0, now - min(kept, default=now)))
    metrics.OVERDUE.set(max(0.0, now - first[0][1] / 1000) if first else 0.0)
    states = Counter(state for state, _ in found)
    for state in _STATES:
        metrics.DRAFTS.labels(state).set(states[state])


async def _records(outbox: Outbox, ids: list[str]) -> list[tuple[str | None, str | None]]:
    async with outbox.redis.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(outbox.record_key(id_), ["state", "kept"])
        return cast("list[tuple[str | None, str | None]]", await pipe.execute())
